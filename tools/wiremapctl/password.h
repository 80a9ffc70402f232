/* SPDX-License-Identifier: Apache-2.0 */
/* Where a new password comes from. */
#ifndef WIREMAPCTL_PASSWORD_H
#define WIREMAPCTL_PASSWORD_H

#include "auth.h"

/*
 * Asks twice on the terminal without an echo; or, when standard input is no terminal, reads its
 * first line; or the first line of `file` ("-": standard input). 0; -errno after saying why. The
 * caller wipes it.
 */
int password_get(const char *file, const char *user, char password_r[AUTH_PASSWORD_BYTES_MAX + 1]);

#endif
