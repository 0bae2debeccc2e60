// Both clients against a platform whose key may spend few tokens a month.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import qianfan from '@baiducloud/qianfan';
import OpenAI from 'openai';
import { accessKey, secretKey } from './portal.mjs';

const base = 'qianfan-tiny';
const hello = [{ role: 'user', content: 'Hello' }];

export function quotaSuite(shared) {
  const openai = (options = {}) => new OpenAI({ baseURL: `${shared.portal.address}/v1`, apiKey: `bce-v3/${accessKey}/${secretKey}`, ...options });

  test('openai: what fits is answered', async () => {
    const completion = await openai().chat.completions.create({ model: base, messages: hello, max_tokens: 4 });
    assert.ok(completion.usage.completion_tokens <= 4);
  });

  test('openai: what does not is a RateLimitError with insufficient_quota, and the client does not try again', async () => {
    let requests = 0;
    const counting = (...args) => {
      requests++;
      return fetch(...args);
    };
    // With the client's usual retries.
    const error = await openai({ fetch: counting }).chat.completions.create({ model: base, messages: hello, max_tokens: 100 }).then(() => null, reason => reason);
    assert.ok(error instanceof OpenAI.RateLimitError, String(error));
    assert.equal(error.status, 429);
    assert.equal(error.code, 'insufficient_quota');
    assert.equal(error.type, 'insufficient_quota');
    assert.equal(requests, 1);
  });

  test('openai: many at once do not spend more than there is', async () => {
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => openai({ maxRetries: 0 }).chat.completions.create({ model: base, messages: hello, max_tokens: 4 })));
    const spent = results.filter(result => result.status === 'fulfilled').reduce((sum, result) => sum + result.value.usage.total_tokens, 0);
    assert.ok(spent <= 60, `${spent} tokens`);
    for (const { reason } of results.filter(result => result.status === 'rejected')) assert.equal(reason.code, 'insufficient_quota', String(reason));
  });

  test('@baiducloud/qianfan: V1 is told 19, V2 insufficient_quota', async () => {
    const url = shared.portal.address;
    const v1 = new qianfan.ChatCompletion({ QIANFAN_AK: accessKey, QIANFAN_SK: secretKey, QIANFAN_ACCESS_KEY: '', QIANFAN_SECRET_KEY: '', QIANFAN_BASE_URL: url, Endpoint: base });
    assert.match(await told(v1.chat({ messages: hello, max_output_tokens: 100 })), /exceeded your current quota/);
    qianfan.setEnvVariable('QIANFAN_BEAR_TOKEN_URL', `${url}/v1/BCE-BEARER/token`);
    const v2 = new qianfan.ChatCompletion({ version: 'v2', QIANFAN_V2_BASE_URL: `${url}/v2/chat/completions`, QIANFAN_ACCESS_KEY: accessKey, QIANFAN_SECRET_KEY: secretKey });
    assert.match(await told(v2.chat({ messages: hello, max_completion_tokens: 100 }, base)), /429|insufficient_quota|exceeded your current quota/);
  });
}

/** What the client throws or hands on, as text. */
async function told(promise) {
  try {
    return JSON.stringify(await promise);
  }
  catch (error) {
    return `${error} ${JSON.stringify(error)}`;
  }
}
