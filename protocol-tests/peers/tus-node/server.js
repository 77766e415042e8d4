// @tus/server with its file store and default settings, on a free port of loopback.
// usage: node server.js DIRECTORY

import {FileStore} from '@tus/file-store'
import {Server} from '@tus/server'

const [directory] = process.argv.slice(2)
const path = '/files'
const tus = new Server({path, datastore: new FileStore({directory})})
const server = tus.listen({host: '127.0.0.1', port: 0}, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}${path}`)
})
