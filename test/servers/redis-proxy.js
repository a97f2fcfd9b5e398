'use strict'

// A proxy before Redis that knows where commands and replies end: it cuts connections, delays, and
// sends commands again, at once or late.

const { once } = require('node:events')
const net = require('node:net')
const { cleanup } = require('../support')

const CRLF = Buffer.from('\r\n')

/** Where the item of RESP that begins at `at` ends, or -1 if it is not whole. */
function endOf (bytes, at) {
  const line = bytes.indexOf(CRLF, at)
  if (line === -1) return -1
  const end = line + 2
  const count = Number(bytes.toString('latin1', at + 1, line))
  switch (String.fromCharCode(bytes[at])) {
    case '$': case '=': case '!': {
      const last = count < 0 ? end : end + count + 2
      return last > bytes.length ? -1 : last
    }
    case '*': case '~': case '>': return endOfItems(bytes, end, count)
    case '%': return endOfItems(bytes, end, 2 * count)
    default: return end
  }
}

function endOfItems (bytes, at, count) {
  for (let i = 0; i < count && at !== -1; i++) at = endOf(bytes, at)
  return at
}

/** What a socket says, item by item: `next()` gives one, or null when it has ended. */
class Items {
  #bytes = Buffer.alloc(0)
  #wake = null
  #ended = false

  constructor (socket) {
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
      this.#wake?.()
    })
  }

  async next () {
    for (;;) {
      const end = this.#bytes.length === 0 ? -1 : endOf(this.#bytes, 0)
      if (end !== -1) {
        const item = this.#bytes.subarray(0, end)
        this.#bytes = this.#bytes.subarray(end)
        return item
      }
      if (this.#ended) return null
      await new Promise((resolve) => { this.#wake = resolve })
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** What can be done to a command; `ask(again)` sends it, on another connection if `again`. */
const FAULTS = {
  async pass ({ client, ask }) { client.write(await ask()) },
  async cutBefore ({ client }) { client.destroy() },
  async cutAfter ({ client, ask }) {
    await ask()
    client.destroy()
  },
  async cutInReply ({ client, ask }) {
    const reply = await ask()
    client.write(reply.subarray(0, reply.length >> 1), () => client.destroy())
  },
  async delayBefore ({ client, ask, ms }) {
    await pause(ms)
    client.write(await ask())
  },
  async delayAfter ({ client, ask, ms }) {
    const reply = await ask()
    await pause(ms)
    client.write(reply)
  },
  /** The client hears what the second one has done. */
  async repeat ({ client, ask }) {
    await ask()
    client.write(await ask(true))
  },
  async repeatLate ({ client, ask, ms }) {
    client.write(await ask())
    setTimeout(() => ask(true).catch(() => {}), 10 * ms)
  }
}

/**
 * Gives `port`, and `counts` of what was done; `choose()` names what is done to the next command,
 * and `delay()` says for how many ms.
 */
async function startRedisProxy (t, port, choose, delay) {
  const sockets = new Set()
  const counts = {}
  const connect = () => {
    const socket = net.connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    return { socket, items: new Items(socket) }
  }
  const server = net.createServer(async (client) => {
    sockets.add(client)
    const commands = new Items(client)
    const own = connect()
    client.on('close', () => {
      sockets.delete(client)
      own.socket.destroy()
    })
    own.socket.on('close', () => client.destroy())
    let command
    while ((command = await commands.next()) !== null && !client.destroyed) {
      const sent = command
      const ask = async (again = false) => {
        const { socket, items } = again ? connect() : own
        socket.write(sent)
        const reply = await items.next()
        if (again) socket.destroy()
        if (reply === null) throw new Error('Redis has closed the connection')
        return reply
      }
      const fault = choose()
      counts[fault] = (counts[fault] ?? 0) + 1
      try {
        await FAULTS[fault]({ client, ask, ms: delay() })
      } catch {
        client.destroy()
      }
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanup(t, () => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { port: server.address().port, counts }
}

module.exports = { FAULTS, startRedisProxy }
