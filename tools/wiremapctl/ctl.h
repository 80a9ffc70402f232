/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of wiremapctl share: the command line, taken apart, and where the server's
 * data is. A command prints its result on standard output, its trouble on standard error, and
 * returns the program's exit status.
 */
#ifndef WIREMAPCTL_CTL_H
#define WIREMAPCTL_CTL_H

#include <stdbool.h>

#include "auth.h"
#include "config/config.h"
#include "store.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,	   /* nothing, or not all, was done */
	CTL_USAGE = 2,	   /* the command line is wrong */
	CTL_PARTLY = 3,	   /* done, but for what was reported */
	CTL_STOPPED = 130, /* by a signal; what was done is safe */
};

enum { CTL_VOLUMES_MAX = 64 };

struct ctl {
	/* As on the command line; NULL: not given. */
	const char *config_path;
	const char *users;
	const char *volumes[CTL_VOLUMES_MAX];
	unsigned volumes_n;
	const char *user;
	const char *mailbox;
	const char *separator;
	const char *password_file;
	const char *scheme;
	bool mail, flat, mboxrd, json;
	const char *socket;
	const char *host;
	uint64_t port, packets, seconds, rate; /* 0: not given, but for the last two */
	bool seconds_given, rate_given;
	const char *argument; /* what follows the command's words */
	struct wiremap_config *config;
	struct log log; /* warnings and errors of the libraries, on standard error */
};

/* Prints "wiremapctl: ..." on standard error and returns CTL_FAILED. */
__attribute__((format(printf, 1, 2))) int ctl_fail(const char *format, ...);

/* The password file, or NULL after saying what is missing. */
const char *ctl_users(const struct ctl *ctl);
/* Whether volumes are named. */
bool ctl_store_named(const struct ctl *ctl);
/* Opens the volumes, with mime's prepared answers. 0; -errno after saying why. */
int ctl_store_open(struct ctl *ctl, struct store **store_r);
/* The account of a user. 0; -ENOENT or other -errno after saying why. */
int ctl_user_find(const struct ctl *ctl, const char *name, struct auth_user *user_r);

int user_add(struct ctl *ctl);
int user_del(struct ctl *ctl);
int user_list(struct ctl *ctl);
int user_passwd(struct ctl *ctl);
int import_maildir(struct ctl *ctl);
int import_mbox(struct ctl *ctl);
int import_eml(struct ctl *ctl);
int export_maildir(struct ctl *ctl);
int export_mbox(struct ctl *ctl);
int check(struct ctl *ctl);
int stats(struct ctl *ctl);
int capture(struct ctl *ctl);
int drain(struct ctl *ctl);
int reload(struct ctl *ctl);

#endif
