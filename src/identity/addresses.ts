export * from '../wire/addresses.ts';
