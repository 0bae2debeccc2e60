// A SignalR hub client: the documented JSON hub protocol over one WebSocket, streams only, since that is what the portal's pages need.
// After a lost connection it comes back by itself and opens its streams again with fresh arguments, such as the last sequence seen.

const END = '\u001e';
const PING_EVERY_MS = 15000;
const SILENCE_MS = 30000;
const WAITS_MS = [0, 500, 1000, 2000, 5000, 10000];

const MessageType = { invocation: 1, streamItem: 2, completion: 3, streamInvocation: 4, cancelInvocation: 5, ping: 6, close: 7 };

/** Connection states as told to onState: connecting, connected, reconnecting, closed. */
export class HubClient {
  #url;
  #onState;
  #socket = null;
  #ready = false;
  #attempt = 0;
  #timer = 0;
  #pulse = 0;
  #heard = 0;
  #nextId = 1;
  #streams = new Map();
  #closed = false;
  #wake = () => this.#wakeUp();

  /** @param {string} url path of the hub on this origin. @param {(state: string) => void} onState told of each change. */
  constructor(url, onState = () => {}) {
    const address = new URL(url, document.baseURI);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#url = address.href;
    this.#onState = onState;
    addEventListener('online', this.#wake);
    document.addEventListener('visibilitychange', this.#wake);
    this.#open('connecting');
  }

  /**
   * Opens a stream. It is opened again after each lost connection, with what args() then returns.
   * @param {string} target hub method.
   * @param {() => unknown[]} args its arguments.
   * @param {{ next: (item: any) => void, failed?: (error: string) => void }} observer failed: the server refused or ended it with an error; it isn't opened again.
   * @returns {{ cancel: () => void }}
   */
  stream(target, args, observer) {
    const stream = { id: null, target, args, observer };
    this.#streams.set(stream, stream);
    if (this.#ready) this.#start(stream);
    return {
      cancel: () => {
        if (!this.#streams.delete(stream) || !this.#ready || stream.id === null) return;
        this.#send({ type: MessageType.cancelInvocation, invocationId: stream.id });
      },
    };
  }

  /** Ends the connection for good. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    removeEventListener('online', this.#wake);
    document.removeEventListener('visibilitychange', this.#wake);
    clearTimeout(this.#timer);
    this.#streams.clear();
    this.#drop();
    this.#onState('closed');
  }

  #open(state) {
    this.#onState(state);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    let rest = '';
    socket.onopen = () => socket.send(JSON.stringify({ protocol: 'json', version: 1 }) + END);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard = performance.now();
      const frames = (rest + data).split(END);
      rest = frames.pop();
      for (const frame of frames) this.#receive(JSON.parse(frame));
    };
    socket.onclose = () => { if (socket === this.#socket) this.#lost(); };
  }

  #receive(message) {
    if (!this.#ready) {
      // The first frame answers the handshake.
      if (message.error) { this.#lost(); return; }
      this.#ready = true;
      this.#attempt = 0;
      this.#pulse = setInterval(() => this.#beat(), PING_EVERY_MS);
      this.#onState('connected');
      for (const stream of this.#streams.keys()) this.#start(stream);
      return;
    }
    switch (message.type) {
      case MessageType.streamItem:
        this.#find(message.invocationId)?.observer.next(message.item);
        break;
      case MessageType.completion: {
        const stream = this.#find(message.invocationId);
        if (!stream) break;
        stream.id = null;
        // Ended without an error: the server is stopping. The stream is opened again with the next connection.
        if (message.error) {
          this.#streams.delete(stream);
          stream.observer.failed?.(message.error);
        }
        break;
      }
      case MessageType.close:
        this.#lost();
        break;
    }
  }

  #find(id) {
    for (const stream of this.#streams.keys()) if (stream.id === id) return stream;
    return undefined;
  }

  #start(stream) {
    stream.id = String(this.#nextId++);
    this.#send({ type: MessageType.streamInvocation, invocationId: stream.id, target: stream.target, arguments: stream.args(), streamIds: [] });
  }

  #send(message) {
    this.#socket?.send(JSON.stringify(message) + END);
  }

  #beat() {
    if (performance.now() - this.#heard > SILENCE_MS) this.#lost();
    else this.#send({ type: MessageType.ping });
  }

  #drop() {
    clearInterval(this.#pulse);
    this.#ready = false;
    const socket = this.#socket;
    this.#socket = null;
    for (const stream of this.#streams.keys()) stream.id = null;
    socket?.close();
  }

  #lost() {
    this.#drop();
    if (this.#closed) return;
    this.#onState('reconnecting');
    // A little chance keeps a restarted server from being asked by everybody at once.
    const wait = WAITS_MS[Math.min(this.#attempt++, WAITS_MS.length - 1)];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open('reconnecting'), wait + Math.random() * wait * 0.3);
  }

  // The network is back, or the page is looked at again: no reason to wait any longer.
  #wakeUp() {
    if (this.#closed || this.#socket || document.hidden) return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#open('reconnecting');
  }
}
