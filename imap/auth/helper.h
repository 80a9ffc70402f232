/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels over the socketpair between the server and an auth helper: one
 * request packet, one answer packet, in turn (SOCK_SEQPACKET keeps them whole).
 * Both ends are the same binary on the same machine, so the structs travel as
 * they are.
 */
#ifndef WIREMAP_AUTH_HELPER_H
#define WIREMAP_AUTH_HELPER_H

#include <assert.h>
#include <sys/types.h>

#include "auth.h"

struct helper_request {
	char name[AUTH_NAME_BYTES_MAX + 1];
	char password[AUTH_PASSWORD_BYTES_MAX + 1];
	uint8_t peer[16];
};
static_assert(sizeof(struct helper_request) == 784, "a packet between our own two ends");

struct helper_answer {
	uint8_t status; /* enum auth_status */
	uint8_t account[16];
};
static_assert(sizeof(struct helper_answer) == 17, "a packet between our own two ends");

struct helper_config {
	const char *users_path;
	uid_t uid;
	gid_t gid;
	int socket; /* the helper's end */
};

/* The life of the helper process: answers until the other end closes. Never returns. */
__attribute__((noreturn)) void helper_run(const struct helper_config *config);

#endif
