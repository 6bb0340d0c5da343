import { writeAll, type Disk, type DiskFile } from './disk.ts';
import { canonical } from './canonical.ts';
import { FRAME_HEADER, FRAME_SEGMENT, SEGMENT_NAME, frameSize, sealFrame, segmentName, type SegmentHeader } from './format.ts';
import { FrameCursor } from './cursor.ts';

/** Zeros are written in pieces, each synced: one big flush would hold up the log's own syncs on the same disk. */
const PIECE = 2 * 1024 * 1024;

/** The first frame of a segment. */
export const headerFrame = (header: SegmentHeader): Buffer => {
  const text = Buffer.from(canonical(header), 'utf8');
  const frame = Buffer.alloc(frameSize(text.length));
  text.copy(frame, FRAME_HEADER);
  sealFrame(frame, 0, FRAME_SEGMENT, header.segment, 0, text.length);
  return frame;
};

/** Numbers of the segments in a folder, ascending. */
export const listSegments = (disk: Disk, folder: string): number[] =>
  disk
    .list(folder)
    .flatMap((name) => {
      const found = SEGMENT_NAME.exec(name);
      return found ? [Number(found[1])] : [];
    })
    .sort((a, b) => a - b);

/** Reads what a segment says of itself. Undefined when its first frame is damaged. */
export const readHeader = (file: DiskFile): SegmentHeader | undefined => {
  const frame = new FrameCursor(file).next();
  return frame?.type === FRAME_SEGMENT ? (JSON.parse(frame.payload.toString('utf8')) as SegmentHeader) : undefined;
};

/**
 * Makes a whole segment: header, `content`, zeros up to `size`; durable, name and all, before it resolves. A draft first, so that
 * a crash leaves no half-made segment under its name. Rejects with what the disk says; the draft is removed then.
 */
export const makeSegment = async (disk: Disk, folder: string, header: SegmentHeader, size: number, content: Buffer = Buffer.alloc(0)): Promise<DiskFile> => {
  const path = `${folder}/${segmentName(header.segment)}`;
  const draft = `${path}.draft`;
  if (disk.exists(draft)) disk.remove(draft);
  const file = disk.open(draft, 'create');
  try {
    const start = Buffer.concat([headerFrame(header), content]);
    writeAll(file, start, 0);
    const zeros = Buffer.alloc(Math.min(PIECE, size));
    for (let at = start.length; at < size; at += zeros.length) {
      await writeAllLater(file, zeros.subarray(0, Math.min(zeros.length, size - at)), at);
      await syncLater(file);
    }
    await syncLater(file);
    disk.rename(draft, path);
    disk.syncFolder(folder);
    return file;
  } catch (error) {
    file.close();
    try {
      disk.remove(draft);
    } catch {
      // It may be gone, or the disk may be: the first error is the one that tells.
    }
    throw error;
  }
};

const writeAllLater = async (file: DiskFile, bytes: Buffer, position: number): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      file.writeLater(bytes.subarray(done), position + done, (error, written) => {
        if (error) reject(error);
        else if (written <= 0) reject(Object.assign(new Error('the disk took nothing'), { code: 'EIO' }));
        else resolve(written);
      });
    });
  }
};

const syncLater = (file: DiskFile): Promise<void> =>
  new Promise((resolve, reject) => {
    file.sync((error) => (error ? reject(error) : resolve()));
  });
