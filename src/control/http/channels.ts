import type { FastifyInstance } from 'fastify';
import type { Channels } from '../../approvals/channels/channels.ts';
import { Refused } from '../api/refused.ts';
import { callerOf, type Rates } from './rates.ts';

/** A payload of Slack holds the whole message or window, percent-encoded. */
const BODY_BYTES = 256 * 1024;

export interface ChannelRoutes {
  readonly channels: Pick<Channels, 'handleSlackInteraction'>;
  /** Of one address. Slack has few, and people press buttons by hand. */
  readonly rates: Rates;
}

/** Where Slack posts what people do with buttons. Nobody is signed in here: Slack's signature over the bytes says that it is Slack. */
export const addChannels = (server: FastifyInstance, { channels, rates }: ChannelRoutes): void => {
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer', bodyLimit: BODY_BYTES }, (_request, body, done) => done(null, body));
    scope.route({
      method: 'POST',
      url: '/channels/slack/:name',
      onRequest: async (request) => {
        const wait = rates.take(callerOf(request.ip));
        if (wait !== undefined) throw new Refused(429, 'rate', `too many requests from this address: try again in ${wait} s`, wait);
      },
      handler: async (request, reply) => {
        const { name } = request.params as { readonly name: string };
        const { status, body } = await channels.handleSlackInteraction(name, request.headers, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
        if (body === '') return reply.code(status).send();
        return reply.code(status).type('application/json; charset=utf-8').send(body);
      },
    });
  });
};
