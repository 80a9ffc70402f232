# SPDX-License-Identifier: Apache-2.0
"""wiremapd at the server's end of a wire, with accounts of its own, in a folder of its own."""


class Server:
    pass
