import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/**
 * A disk with a cache that a power cut empties, for a virtual machine: a server of the NBD protocol (network block device, fixed newstyle
 * handshake; the protocol's document is doc/proto.md of the NBD project). What was written and not flushed lies in the cache; `cutPower` forgets it,
 * but for a random part that the disk had got round to writing, sector by sector, in any order. Only the two sectors of the file system's superblock go
 * together: ext4 itself is not made for half of one (mount says `Bad message`, and `e2fsck` takes a copy), and it is not ext4 that is tried here.
 */
const SECTOR_BYTES = 512;
/** Of the file system's superblock: bytes 1024 to 2047. */
const SUPERBLOCK: ReadonlySet<number> = new Set([2, 3]);
const HANDSHAKE = Buffer.from('NBDMAGICIHAVEOPT');
const OPTION_MAGIC = Buffer.from('IHAVEOPT');
const OPTION_REPLY_MAGIC = Buffer.from('0003e889045565a9', 'hex');
const REQUEST_MAGIC = 0x25609513;
const REPLY_MAGIC = 0x67446698;
const FIXED_NEWSTYLE_NO_ZEROES = 3;
/** HAS_FLAGS, SEND_FLUSH, SEND_FUA. */
const EXPORT_FLAGS = 1 | 4 | 8;
const OPTION = { exportName: 1, abort: 2, info: 6, go: 7 } as const;
const REPLY = { ack: 1, info: 3, unsupported: 0x80000001 } as const;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const FUA = 1;
const REQUEST_BYTES = 28;
const OPTION_BYTES = 16;
const INVALID = 22;

export class VolatileDisk implements AsyncDisposable {
  readonly #content: Buffer;
  readonly #cache = new Map<number, Buffer>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #hasPower = true;
  #cutAfter: { writes: number; readonly cut: () => void } | undefined;
  flushes = 0;
  lostSectors = 0;

  constructor(image: Buffer) {
    this.#content = image;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  /** From this moment on nothing is answered and nothing more is written. `share` of the cached sectors were written already. */
  cutPower(random: () => number, share: number): void {
    this.#hasPower = false;
    for (const socket of this.#sockets) socket.destroy();
    let isSuperblockWritten: boolean | undefined;
    for (const [sector, bytes] of this.#cache) {
      const isWritten = SUPERBLOCK.has(sector)
        ? (isSuperblockWritten ??= random() < share)
        : random() < share;
      if (isWritten) bytes.copy(this.#content, sector * SECTOR_BYTES);
      else this.lostSectors++;
    }
    this.#cache.clear();
  }

  /** Calls `cut` when so many more writes have come in, before the last of them is answered: then something lies in the cache. */
  afterWrites(writes: number, cut: () => void): void {
    this.#cutAfter = { writes, cut };
  }

  restorePower(): void {
    this.#cutAfter = undefined;
    this.#hasPower = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    if (!this.#hasPower) return void socket.destroy();
    this.#sockets.add(socket);
    let held: Buffer = Buffer.alloc(0);
    let stage: 'flags' | 'options' | 'requests' = 'flags';
    socket.on('close', () => this.#sockets.delete(socket));
    // The machine is killed in the middle of anything.
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: Buffer) => {
      if (!this.#hasPower) return;
      held = held.length === 0 ? data : Buffer.concat([held, data]);
      for (let taken = -1; taken !== 0;) {
        taken = 0;
        if (stage === 'flags' && held.length >= 4) {
          taken = 4;
          stage = 'options';
        } else if (stage === 'options') {
          const option = this.#option(socket, held);
          taken = option.taken;
          if (option.isOver) stage = 'requests';
        } else if (stage === 'requests') taken = this.#request(socket, held);
        held = held.subarray(taken);
      }
    });
    socket.write(Buffer.concat([HANDSHAKE, Buffer.from([0, FIXED_NEWSTYLE_NO_ZEROES])]));
  }

  #option(socket: Socket, held: Buffer): { readonly taken: number; readonly isOver: boolean } {
    if (held.length < OPTION_BYTES) return { taken: 0, isOver: false };
    if (!held.subarray(0, 8).equals(OPTION_MAGIC)) throw new Error('not an option of NBD');
    const option = held.readUInt32BE(8);
    const taken = OPTION_BYTES + held.readUInt32BE(12);
    if (held.length < taken) return { taken: 0, isOver: false };
    const size = Buffer.alloc(10);
    size.writeBigUInt64BE(BigInt(this.#content.length));
    size.writeUInt16BE(EXPORT_FLAGS, 8);
    if (option === OPTION.exportName) {
      socket.write(size);
      return { taken, isOver: true };
    }
    if (option !== OPTION.go && option !== OPTION.info) {
      socket.write(optionReply(option, option === OPTION.abort ? REPLY.ack : REPLY.unsupported));
      return { taken, isOver: false };
    }
    socket.write(optionReply(option, REPLY.info, Buffer.concat([Buffer.alloc(2), size])));
    socket.write(optionReply(option, REPLY.ack));
    return { taken, isOver: option === OPTION.go };
  }

  #request(socket: Socket, held: Buffer): number {
    if (held.length < REQUEST_BYTES) return 0;
    if (held.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error('not a request of NBD');
    const flags = held.readUInt16BE(4);
    const command = held.readUInt16BE(6);
    const at = Number(held.readBigUInt64BE(16));
    const length = held.readUInt32BE(24);
    const taken = REQUEST_BYTES + (command === COMMAND.write ? length : 0);
    if (held.length < taken) return 0;
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(REPLY_MAGIC, 0);
    held.copy(reply, 8, 8, 16);
    if (command === COMMAND.read) socket.write(Buffer.concat([reply, this.#read(at, length)]));
    else if (command === COMMAND.write) {
      this.#write(at, Buffer.from(held.subarray(REQUEST_BYTES, taken)));
      if (this.#cutAfter !== undefined && --this.#cutAfter.writes <= 0) {
        this.#cutAfter.cut();
        return taken;
      }
      // The protocol lets a server make everything durable where one write was meant.
      if ((flags & FUA) !== 0) this.#flush();
      socket.write(reply);
    } else if (command === COMMAND.flush) {
      this.#flush();
      socket.write(reply);
    } else if (command === COMMAND.disconnect) socket.end();
    else {
      reply.writeUInt32BE(INVALID, 4);
      socket.write(reply);
    }
    return taken;
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.from(this.#content.subarray(at, at + length));
    for (let from = 0; from < length; from += SECTOR_BYTES)
      this.#cache.get((at + from) / SECTOR_BYTES)?.copy(bytes, from);
    return bytes;
  }

  #write(at: number, bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += SECTOR_BYTES)
      this.#cache.set((at + from) / SECTOR_BYTES, bytes.subarray(from, from + SECTOR_BYTES));
  }

  #flush(): void {
    this.flushes++;
    for (const [sector, bytes] of this.#cache) bytes.copy(this.#content, sector * SECTOR_BYTES);
    this.#cache.clear();
  }
}

function optionReply(option: number, type: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(option, 0);
  head.writeUInt32BE(type, 4);
  head.writeUInt32BE(data.length, 8);
  return Buffer.concat([OPTION_REPLY_MAGIC, head, data]);
}
