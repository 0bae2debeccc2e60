// The built portal as a process of its own: a free port, a data folder of its own, a key pair from the settings.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../src/Qianfan.Portal', import.meta.url));
const startTimeout = 120_000;

export const accessKey = 'ALTAKconformance';
export const secretKey = 'conformance-secret-0123456789';

/** Settings of a platform without the portal whose key may spend no more than a few tokens a month. */
export const poorPlatform = {
  Roles: 'platform',
  Platform__Keys__0__AccessKey: accessKey,
  Platform__Keys__0__SecretKey: secretKey,
  Platform__Keys__0__TokensPerMonth: '60',
};

export class Portal {
  output = '';

  /** Starts it, perhaps with other settings, and waits until it says that it is ready. */
  static async start(more = {}) {
    const portal = new Portal();
    portal.folder = await mkdtemp(join(tmpdir(), 'qianfan-conformance-'));
    portal.address = `http://127.0.0.1:${await freePort()}`;
    const assembly = process.env.PORTAL_ASSEMBLY ?? join(project, 'bin', 'Debug', 'net10.0', 'Qianfan.Portal.dll');
    portal.process = spawn('dotnet', [assembly, '--urls', portal.address], {
      cwd: project,
      env: { ...withoutHostSettings(process.env), ...settings(portal), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      await portal.#ready();
    }
    catch (error) {
      await portal.stop();
      throw error;
    }
    return portal;
  }

  /** Ends it as a service manager does, and removes its data. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise(resolve => this.process.once('exit', resolve));
      this.process.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #ready() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The portal does not get ready:\n${this.output}`)), startTimeout);
      const take = chunk => {
        this.output += chunk;
        if (!this.output.includes('Qianfan Portal is ready')) return;
        clearTimeout(timer);
        resolve();
      };
      this.process.stdout.on('data', take);
      this.process.stderr.on('data', take);
      this.process.once('exit', code => {
        clearTimeout(timer);
        reject(new Error(`The portal ended with ${code}:\n${this.output}`));
      });
    });
  }
}

function settings(portal) {
  return {
    Portal__DataDirectory: portal.folder,
    Portal__Bootstrap__Email: 'conformance@example.com',
    Portal__Bootstrap__Password: 'Conformance-suite-2026',
    Portal__Bootstrap__Team: 'Conformance',
    Portal__Bootstrap__Project: 'Conformance',
    Portal__Bootstrap__AccessKey: accessKey,
    Portal__Bootstrap__SecretKey: secretKey,
    // Names that the official clients have built in.
    'Platform__ModelAliases__ERNIE-Lite-8K': 'qianfan-tiny',
    'Platform__ModelAliases__Embedding-V1': 'qianfan-tiny',
    Platform__ModelAliases__sqlcoder_7b: 'qianfan-tiny',
  };
}

function withoutHostSettings(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(ASPNETCORE|Portal_|Platform_|QIANFAN|OPENAI)/.test(name)));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
