/** Windows' and Apple's icon files: both are containers of PNGs. */

export interface SizedPng {
  /** Pixels of a side. */
  readonly side: number;
  readonly png: Buffer;
}

const ICO_HEADER_BYTES = 6;
const ICO_ENTRY_BYTES = 16;

/** An .ico of PNGs, up to 256 pixels (Microsoft: ICONDIR and ICONDIRENTRY; PNG entries since Windows Vista). */
export function icoOf(images: readonly SizedPng[]): Buffer {
  const header = Buffer.alloc(ICO_HEADER_BYTES + ICO_ENTRY_BYTES * images.length);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(images.length, 4);
  let offset = header.length;
  images.forEach(({ side, png }, position) => {
    const at = ICO_HEADER_BYTES + ICO_ENTRY_BYTES * position;
    // 256 does not fit into the byte and is written as 0.
    header.writeUInt8(side % 256, at);
    header.writeUInt8(side % 256, at + 1);
    header.writeUInt16LE(1, at + 4);
    header.writeUInt16LE(32, at + 6);
    header.writeUInt32LE(png.length, at + 8);
    header.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([header, ...images.map(({ png }) => png)]);
}

/** Names of the entries of an .icns that hold a PNG, by pixels. */
const ICNS_TYPES: Readonly<Record<number, readonly string[]>> = {
  32: ['ic11'],
  64: ['ic12'],
  128: ['ic07'],
  256: ['ic08', 'ic13'],
  512: ['ic09', 'ic14'],
  1024: ['ic10'],
};

export function icnsOf(images: readonly SizedPng[]): Buffer {
  const entries = images.flatMap(({ side, png }) =>
    (ICNS_TYPES[side] ?? []).map((type) => Buffer.concat([tagged(type, png.length + 8), png])),
  );
  const bytes = entries.reduce((sum, { length }) => sum + length, 8);
  return Buffer.concat([tagged('icns', bytes), ...entries]);
}

function tagged(type: string, bytes: number): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32BE(bytes, 4);
  return head;
}
