// One portal for all: starting it takes longer than most tests.
import { after, before, describe } from 'node:test';
import { openaiSuite } from './openai.suite.mjs';
import { Portal } from './portal.mjs';
import { qianfanSuite } from './qianfan.suite.mjs';

const shared = {};

before(async () => {
  shared.portal = await Portal.start();
}, { timeout: 130_000 });

after(async () => {
  await shared.portal?.stop();
}, { timeout: 60_000 });

describe('openai', () => openaiSuite(shared));
describe('@baiducloud/qianfan', () => qianfanSuite(shared));
