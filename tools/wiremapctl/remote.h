/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a running server over its control socket. */
#ifndef WIREMAPCTL_REMOTE_H
#define WIREMAPCTL_REMOTE_H

#include <jansson.h>

#include "ctl.h"

/* Connects. The descriptor, or -errno after saying why. */
int remote_open(const struct ctl *ctl);
/* Whether a server answers there still; says nothing. */
bool remote_there(const struct ctl *ctl);
/* Sends `request`, which is freed, and `file` along with it (-1: none). 0; -errno after saying why.
 */
int remote_ask(int server, json_t *request, int file);
/* Waits for the answer, the caller's to free. NULL after saying why, also when it is a refusal. */
json_t *remote_answer(int server);

#endif
