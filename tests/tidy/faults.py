# SPDX-License-Identifier: Apache-2.0
"""A small clean tree, and for every rule of tools/tidy a fault that must turn it red."""

import contextlib
import pathlib

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
FORMAT = (pathlib.Path(__file__).resolve().parent.parent.parent / ".clang-format")

CLEAN = {
    ".clang-format": FORMAT.read_text(),
    "meson.build": "# SPDX-License-Identifier: Apache-2.0\nproject('x', 'c')\n",
    "tools/go": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ntrue\n",
    "include/span.h": SPDX + "struct span;\n",
    "include/port.h": SPDX + "struct port;\n",
    "include/store.h": SPDX + "struct store;\n",
    "include/session.h": SPDX + "struct session;\n",
    "imap/store/map.h": SPDX + "int store_map(int n);\n",
    "imap/store/map.c": SPDX + '#include "map.h"\n\n#include <stdint.h>\n\n#include "span.h"\n\n'
    "/* A printf(\"x\") in a comment, and strcpy(); in prose are no calls. */\n"
    "static uint8_t used;\n\n"
    "int store_map(int n)\n{\n\treturn n + used;\n}\n",
    "dataplane/port/eth.c": SPDX + '#include "port.h"\n\n#include <rte_ethdev.h>\n\n'
    "int port_count(void)\n{\n\treturn rte_eth_dev_count_avail();\n}\n",
    "tests/unit/test_x.c": SPDX + "#include <stdio.h>\n\nint main(void)\n{\n"
    "\treturn printf(\"%d\", rte_eth_dev_count_avail()) < 0;\n}\n",
}


def body(statement, path="imap/store/new.c", first='#include "map.h"'):
    return {path: SPDX + first + f"\n\nint store_new(int n)\n{{\n\t{statement}\n}}\n"}


def top(line, path="imap/store/new.c", first='#include "map.h"'):
    return {path: SPDX + first + "\n\n" + line + "\n"}


LONG = SPDX + '#include "map.h"\n\nint store_new(int n)\n{\n' + "\tn++;\n" * 66 + \
    "\treturn n;\n}\n"
TOO_LONG = LONG.replace("\tn++;\n", "\tn++;\n\tn++;\n", 1)
assert LONG.count("\n") - 3 == 70

FAULTS = [
    ("function of 71 lines", {"imap/store/new.c": TOO_LONG}, "function of 71 lines"),
    ("function with a signature on two lines",
     {"imap/store/new.c": LONG.replace("int store_new(int n)", "int\nstore_new(int n)")},
     "function of 71 lines"),
    ("file of 901 lines", {"imap/store/new.h": SPDX + "extern int n;\n" * 900},
     "file of 901 lines"),
    ("line of 101 columns", top("/* " + "x" * 95 + " */"), "line of 101 columns"),
    ("line of 101 columns by tabs", top("/*\t" + "x" * 90 + " */"), "line of 101 columns"),
    ("white space at the end", {"tools/go": CLEAN["tools/go"] + "true \n"}, "white space"),
    ("strcpy", body("strcpy(0, 0);"), "`strcpy`"),
    ("strcat", body("strcat(0, 0);"), "`strcat`"),
    ("sprintf", body("return sprintf(0, 0);"), "`sprintf`"),
    ("gets", body("gets(0);"), "`gets`"),
    ("strtok", body("strtok(0, 0);"), "`strtok`"),
    ("atoi", body("return atoi(0);"), "`atoi`"),
    ("rand", body("return rand();"), "`rand`"),
    ("system", body("return system(0);"), "`system`"),
    ("alloca", body("alloca(n);"), "`alloca`"),
    ("longjmp", body("longjmp(0, 1);"), "`longjmp`"),
    ("fast free", body("return RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;"), "breaks shared mbufs"),
    ("assert", body("assert(n);"), "`assert`"),
    ("if 0", top("#if 0\n#endif"), "dead code"),
    ("typedef struct", top("typedef struct x y;"), "hides what a name is"),
    ("a _t typedef", top("typedef unsigned long count_t;"), "`_t` name"),
    ("a _t struct", top("struct count_t {\n\tint n;\n};"), "`_t` name"),
    ("printf in a library", body('return printf("x");'), "`printf`"),
    ("fprintf to the terminal", body('return fprintf(stderr, "x");'), "`fprintf"),
    ("exit in a library", body("exit(n);"), "`exit`"),
    ("always_inline", top("static __rte_always_inline int f(void);"), "guess"),
    ("macro that returns", top("#define TRY(x)        \\\n\tif (x)        \\\n\treturn x"),
     "macro that returns"),
    ("note to oneself", top("/* TO" + "DO: later. */"), "note to oneself"),
    ("note to oneself in a script", {"tools/go": CLEAN["tools/go"] + "# FIX" + "ME\n"},
     "note to oneself"),
    ("commented-out call", top("// store_map(3);"), "commented-out"),
    ("commented-out assignment", top("/*\n * used = 3;\n */"), "commented-out"),
    ("no SPDX line in C", {"imap/store/new.c": '#include "map.h"\n'}, "no SPDX"),
    ("no SPDX line in meson", {"imap/meson.build": "x = 1\n"}, "no SPDX"),
    ("two SPDX lines", {"imap/store/new.c": SPDX + SPDX + '#include "map.h"\n'}, "2 SPDX"),
    ("include of another folder", top('#include "cmd.h"') | {
        "imap/session/cmd.h": SPDX + "struct cmd;\n"}, "neither in include/ nor here"),
    ("include upward by path", top('#include "../session/cmd.h"') | {
        "imap/session/cmd.h": SPDX + "struct cmd;\n"}, "include of `../session/cmd.h`"),
    ("imap includes dataplane", top('#include "port.h"'), "imap includes `port.h`"),
    ("dataplane includes imap", top('#include "store.h"', "dataplane/tcp/in.c",
                                    '#include "span.h"'), "dataplane includes `store.h`"),
    ("store includes session", top('#include "session.h"'), "imap/store includes `session.h`"),
    ("contract on no side", top('#include "other.h"') | {
        "include/other.h": SPDX + "struct other;\n"}, "on no side"),
    ("own header second", {"imap/store/map.c": SPDX + '#include "span.h"\n\n#include "map.h"\n'},
     "`map.h` is not the first include"),
    ("system header first", {"imap/store/new.c": SPDX + "#include <stdint.h>\n"},
     "before the header this file implements"),
    ("ethdev outside port", body("return rte_eth_rx_burst(0, 0, 0, n);", "dataplane/tcp/in.c",
                                 '#include "span.h"'), "outside dataplane/port"),
    ("EAL in a tool", body("return rte_eal_init(0, 0);", "tools/x/main.c", '#include "span.h"'),
     "outside dataplane/port"),
    ("device name outside port", body('return f("net_tap0");', "dataplane/loop/a.c",
                                      '#include "span.h"'), "`net_tap0` outside"),
    ("mbuf in imap", top("struct rte_mbuf;"), "DPDK in imap"),
    ("DPDK header in imap", top("#include <rte_ring.h>"), "DPDK in imap"),
    ("file name that says nothing", {"imap/store/util.c": SPDX + '#include "map.h"\n'},
     "says nothing"),
    ("not as clang-format has it", body("return  n ;"), "clang-format"),
]


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextlib.contextmanager
def planted(root, files):
    before = {name: (root / name).read_text() for name in files if (root / name).exists()}
    write(root, files)
    try:
        yield
    finally:
        for name in files:
            (root / name).unlink()
        write(root, before)
