export { JsonRefused, readJsonObject, type JsonBounds } from '../wire/json.ts';
