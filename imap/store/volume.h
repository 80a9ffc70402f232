/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: directories that hold accounts, each locked by the process that uses it, and the
 * way from an account's uuid to its directory. Blocks: tools, the control thread, workers.
 */
#ifndef WIREMAP_STORE_VOLUME_H
#define WIREMAP_STORE_VOLUME_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "format.h"
#include "store.h"

enum volume_limits {
	VOLUMES_MAX = 64,      /* disks of a large host */
	ACCOUNT_PATH_MAX = 43, /* ab/cd/8-4-4-4-12 and NUL */
};

struct store_volume {
	char path[PATH_MAX];
	int directory;
	int lock; /* of the file `volume` */
	/* Files made by root belong to the volume's owner, so that the server can read them. */
	bool give_away;
	uid_t uid;
	gid_t gid;
};

struct store {
	struct store_config config; /* `volumes` is not kept */
	struct store_volume volumes[VOLUMES_MAX];
	unsigned volumes_n;
};

__attribute__((format(printf, 2, 3))) void store_error_set(struct store_error *error,
							   const char *format, ...);

/* ab/cd/uuid, relative to the volume. */
void store_account_path(const uint8_t uuid[16], char path_r[ACCOUNT_PATH_MAX]);

/*
 * A descriptor of the account's directory, and its volume. With `make` a missing one is made,
 * durably, on the volume with the most room. -ENOENT, other -errno.
 */
int store_account_directory(const struct store *store, const uint8_t uuid[16], bool make,
			    const struct store_volume **volume_r);

/* A new empty file of mode 0600 that belongs to the volume's owner; one of that name is removed
 * first (F3). The descriptor, or -errno. */
int store_file_make(const struct store_volume *volume, int directory, const char *name);

/* All of it, whatever pieces the system takes it in. 0 or -errno. */
int store_file_write(int file, const void *bytes, size_t len, uint64_t off);

#endif
