"""Gives the emulator's MQTT the addresses that the suite knows: plain TCP and a WebSocket at any host name."""

import asyncio
import ssl
import threading


async def _pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def _both(client, server):
    await asyncio.gather(_pump(client[0], server[1]), _pump(server[0], client[1]))


class Forwarder:
    """Listeners on free ports of this machine, on a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def _serve(self, handle):
        async def listen():
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            return server.sockets[0].getsockname()[1]

        return asyncio.run_coroutine_threadsafe(listen(), self.loop).result()

    def tls(self, port, certificate=None):
        """Plain TCP to TLS; the emulator's certificate is its own business. `certificate` is the device's, with its key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(*certificate)

        async def handle(*client):
            try:
                server = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            except OSError:
                client[1].close()
                return
            await _both(client, server)

        return self._serve(handle)

    def websocket(self, port, host, path):
        """A WebSocket whose upgrade asks for `host` and `path`, which `path()` makes anew for each (it may be signed)."""

        async def handle(*client):
            try:
                head = await client[0].readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, _, version = lines[0].split(" ", 2)
                kept = [line for line in lines[1:] if not line.lower().startswith("host:")]
                server = await asyncio.open_connection("127.0.0.1", port)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                client[1].close()
                return
            server[1].write("\r\n".join([f"{method} {path()} {version}", f"Host: {host}", *kept]).encode("latin-1"))
            await _both(client, server)

        return self._serve(handle)
