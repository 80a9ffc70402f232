/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one script against a TCP of its own. */
#ifndef WIREMAP_TESTS_RUN_H
#define WIREMAP_TESTS_RUN_H

#include <stdio.h>

#include "script.h"

enum { RUN_MESSAGE_MAX = 4096 };

/*
 * True: everything happened as the script says. Else `message_r` has FILE:LINE, what was expected,
 * what came, and the last packets. `trace` (may be NULL) gets every packet as it passes.
 */
bool run_script(const char *path, FILE *trace, char message_r[RUN_MESSAGE_MAX]);

#endif
