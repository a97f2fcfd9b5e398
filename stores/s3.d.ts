import type { PromisedStore } from '..'

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
export type S3Store = PromisedStore

/**
 * A store in Amazon S3, or in what speaks its protocol and knows `If-None-Match: *` of PutObject.
 *
 * @throws {TypeError} if it is not an `S3`, or for wrong options.
 */
export declare function s3Store (client: S3, options: S3Options): S3Store
