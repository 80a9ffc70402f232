/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is this? The auth helper is a separate process, forked before EAL starts,
 * that hashes passwords (libcrypt) and reads the password file; the server asks it
 * over a socketpair. A dataplane core never asks itself: it submits a job of kind
 * WORK_AUTH whose run() calls auth_verify().
 *
 * The password file has one line a user: name:hash:account-uuid. Hashes are
 * crypt(5) strings, yescrypt by default. wiremapctl writes the file new and renames it.
 */
#ifndef WIREMAP_AUTH_H
#define WIREMAP_AUTH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"

enum auth_limits {
	AUTH_NAME_BYTES_MAX = 255,     /* octets of a user name, as in a passwd file */
	AUTH_PASSWORD_BYTES_MAX = 511, /* libcrypt's CRYPT_MAX_PASSPHRASE_SIZE is 512 */
};

enum auth_status {
	AUTH_OK,
	AUTH_DENIED,	  /* unknown user or wrong password: the same answer, the same cost */
	AUTH_UNAVAILABLE, /* the helper or its file cannot be asked now */
};

struct auth_request {
	char name[AUTH_NAME_BYTES_MAX + 1];	    /* UTF-8, NUL-terminated, no NUL inside */
	char password[AUTH_PASSWORD_BYTES_MAX + 1]; /* wiped by auth_verify() */
	uint8_t peer[16];
	/* out, with AUTH_OK */
	uint8_t account[16]; /* the account's uuid */
};

struct auth; /* the server's end; any number of worker threads may share it */

/*
 * Forks the helper. Call before EAL and before any thread. The helper ends by itself when the
 * server's end of the socketpair closes. 0 and *auth_r, or -errno. The helper drops to
 * `uid`/`gid` (0: stays) after opening the directory of `users_path`.
 */
int auth_start(const char *users_path, uid_t uid, gid_t gid, struct log *log, struct auth **auth_r);
/* Closes the socket and waits for the helper. */
void auth_stop(struct auth **auth);

/* Blocks until the helper has answered, milliseconds. Worker threads only. */
enum auth_status auth_verify(struct auth *auth, struct auth_request *request);

/* --- The password file, for wiremapctl and the helper. --- */

struct auth_user {
	char name[AUTH_NAME_BYTES_MAX + 1];
	char hash[384 + 1]; /* CRYPT_OUTPUT_SIZE */
	uint8_t account[16];
};

/* Why a call on the password file failed; `text` names file, line and remedy. */
struct auth_error {
	char text[512];
};

/* -ENOENT: no such user (the text is empty); -EINVAL: a bad line; -EPERM: anybody
 * may write the file; other -errno: I/O. */
int auth_users_find(const char *users_path, const char *name, struct auth_user *user_r,
		    struct auth_error *error_r);
/* Calls `each` for every user in the file's order until it returns non-zero, and returns that. */
int auth_users_each(const char *users_path, int (*each)(const struct auth_user *user, void *arg),
		    void *arg, struct auth_error *error_r);
/* Adds the user, or replaces the one of that name; makes a missing file (mode 0600). */
int auth_users_put(const char *users_path, const struct auth_user *user,
		   struct auth_error *error_r);
/* -ENOENT: no such user. Mail is not touched. */
int auth_users_remove(const char *users_path, const char *name, struct auth_error *error_r);
/* Hashes with libcrypt: `prefix` is a crypt(5) prefix, NULL for yescrypt at its default cost. */
int auth_hash(const char *password, const char *prefix, char hash_r[384 + 1]);

#endif
