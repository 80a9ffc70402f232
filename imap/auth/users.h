/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the password file, for this folder. Pure functions; any thread. */
#ifndef WIREMAP_AUTH_USERS_H
#define WIREMAP_AUTH_USERS_H

#include <stdbool.h>

#include "auth.h"

/* 8-4-4-4-12 hexadecimal digits, or 32 without hyphens. False: neither. */
bool users_uuid_parse(const char *text, uint8_t uuid_r[16]);
void users_uuid_format(const uint8_t uuid[16], char text_r[37]);

/* Why `name` cannot be a user's, or NULL. */
const char *users_name_fault(const char *name);

/* Takes a line without its newline apart, in place. NULL, or what is wrong with it. */
const char *users_line_parse(char *line, struct auth_user *user_r);

#endif
