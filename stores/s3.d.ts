/** An `S3` of @aws-sdk/client-s3. */
interface S3 {
  getObject (input: any): Promise<any>
  putObject (input: any): Promise<any>
  deleteObjects (input: any): Promise<any>
  listObjectsV2 (input: any): Promise<any>
}

interface S3Options {
  /** Name of a bucket, which must exist. */
  bucket: string
  /** What all keys begin with. Default: `''`. */
  prefix?: string
}

/** A store in Amazon S3; its methods return promises. */
export interface S3Store {
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number }
  get (key: Uint8Array): Promise<Uint8Array | null>
  getBatch (keys: Uint8Array[]): Promise<Array<Uint8Array | null>>
  put (key: Uint8Array, value: Uint8Array): Promise<void>
  putBatch (entries: Array<[Uint8Array, Uint8Array]>): Promise<void>
  deleteBatch (keys: Uint8Array[]): Promise<void>
  putIfAbsent (key: Uint8Array, value: Uint8Array): Promise<boolean>
  list (prefix: Uint8Array): Promise<Uint8Array[]>
}

/**
 * A store in Amazon S3, or in what speaks its protocol and knows `If-None-Match: *` of PutObject.
 *
 * @throws {TypeError} if it is not an `S3`, or for wrong options.
 */
export declare function s3Store (client: S3, options: S3Options): S3Store
