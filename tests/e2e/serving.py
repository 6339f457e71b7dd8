"""Servers of the tests' own, in threads of their own."""

import threading


class Serving:
    """Beside one of socketserver's: serves until the with block ends."""

    daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
