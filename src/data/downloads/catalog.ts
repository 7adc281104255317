/** Which datasets can be downloaded: addresses, sizes and the MD5 sums that their publishers state. */
import { CIFAR_FILES, CIFAR_FOLDER } from '../sources/cifar10.js';

export interface RemoteFile {
  readonly file: string;
  /** Hex. */
  readonly md5: string;
  readonly bytes: number;
}

/** What is taken out of a downloaded archive. */
export interface Unpacking {
  /** The folder in the archive, and in the dataset's folder. */
  readonly folder: string;
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
}

export interface CatalogEntry {
  readonly name: string;
  readonly title: string;
  /** Where the files lie; ends in a slash. */
  readonly address: string;
  readonly files: readonly RemoteFile[];
  /** Set if `files` is one archive (tar, gzip): it is unpacked and then removed. */
  readonly unpack?: Unpacking;
}

export const CATALOG: readonly CatalogEntry[] = [
  {
    name: 'fashion-mnist',
    title:
      'Fashion-MNIST: 70,000 articles of clothing, 28 x 28 grey pixels, 10 classes (Zalando Research, MIT licence)',
    address: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    files: [
      { file: 'train-images-idx3-ubyte.gz', md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d', bytes: 26_421_880 },
      { file: 'train-labels-idx1-ubyte.gz', md5: '25c81989df183df01b3e8a0aad5dffbe', bytes: 29_515 },
      { file: 't10k-images-idx3-ubyte.gz', md5: 'bef4ecab320f06d8554ea6380940ec79', bytes: 4_422_102 },
      { file: 't10k-labels-idx1-ubyte.gz', md5: 'bb300cfdad3c16e7a12a480ee83cd310', bytes: 5_148 },
    ],
  },
  {
    name: 'cifar10',
    title: 'CIFAR-10: 60,000 photographs, 32 x 32 colour pixels, 10 classes (Krizhevsky, University of Toronto)',
    address: 'https://www.cs.toronto.edu/~kriz/',
    files: [{ file: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530', bytes: 170_052_171 }],
    unpack: { folder: CIFAR_FOLDER, files: CIFAR_FILES.map((file) => ({ file, bytes: 30_730_000 })) },
  },
];
