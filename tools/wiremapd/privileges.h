/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the server becomes once everything that needs root is open, and whether that user can
 * reach what it will need. Control thread.
 */
#ifndef WIREMAPD_PRIVILEGES_H
#define WIREMAPD_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "log.h"

struct privileges {
	const char *name; /* NULL: stays who it is */
	uid_t uid;
	gid_t gid;
};

/* Looks the names up. 0 or -EINVAL, and error_r says which name is unknown. */
int privileges_find(const struct wiremap_config *config, struct privileges *privileges_r,
		    struct config_error *error_r);
/* Whether the user will be able to read the password file and owns the volumes. 0 or -EACCES. */
int privileges_suffice(const struct privileges *privileges, const struct wiremap_config *config,
		       struct config_error *error_r);
/*
 * Before there is any other thread, which will inherit it: as many descriptors as the system
 * allows (the store maps many files), and no new privileges by exec (prctl(2): for the calling
 * thread only). 0 or -errno.
 */
int privileges_begin(struct log *log);
/* Becomes the user for good, all threads. 0 or -errno. */
int privileges_drop(const struct privileges *privileges, struct log *log);

#endif
