/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LOGIN and AUTHENTICATE share: asking who it is without blocking, slowing
 * down who guesses, opening the account. Private to imap/session.
 */
#ifndef WIREMAP_SESSION_LOGIN_H
#define WIREMAP_SESSION_LOGIN_H

#include "engine.h"

/*
 * Gives the running command a login to fill in: `name` and `password` as they came. NULL, then
 * login_step() does the rest; or the tagged answer.
 */
const char *login_begin(struct session *session, const struct wire_string *name,
			const struct wire_string *password);

#endif
