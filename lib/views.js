'use strict'

// Buffers, typed arrays and DataViews. Their memory is read by the getters of the prototypes, never
// by properties that a user may have defined.

const { isDataView } = require('node:util').types

const { call } = Function.prototype
const getter = (prototype, name) => call.bind(Object.getOwnPropertyDescriptor(prototype, name).get)

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype)
const array = {
  buffer: getter(TypedArray, 'buffer'),
  offset: getter(TypedArray, 'byteOffset'),
  length: getter(TypedArray, 'byteLength')
}
const data = {
  buffer: getter(DataView.prototype, 'buffer'),
  offset: getter(DataView.prototype, 'byteOffset'),
  length: getter(DataView.prototype, 'byteLength')
}

/** The memory of a view as bytes; none if it is detached or beyond the end of its buffer. */
function bytesOf (view) {
  if (!isDataView(view)) return over(array, view)
  try {
    return over(data, view)
  } catch {
    // Where a typed array says 0, a DataView throws.
    return new Uint8Array(0)
  }
}

function over ({ buffer, offset, length }, view) {
  const bytes = length(view)
  return bytes === 0 ? new Uint8Array(0) : new Uint8Array(buffer(view), offset(view), bytes)
}

/** A copy of a view; any other value as it is. */
function copyBytes (value) {
  return ArrayBuffer.isView(value) ? bytesOf(value).slice() : value
}

/** As copyBytes() does for each; the list itself if nothing has to be copied. */
function copyViews (values) {
  return values.some(ArrayBuffer.isView) ? values.map(copyBytes) : values
}

module.exports = { bytesOf, copyBytes, copyViews }
