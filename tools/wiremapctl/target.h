/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory an export makes. It has another name, PATH.new-XXXXXX, until all of it is on the
 * disk; then it gets its own, if nothing else has that. What a kill leaves may be removed.
 */
#ifndef WIREMAPCTL_TARGET_H
#define WIREMAPCTL_TARGET_H

#include "span.h"

struct target {
	char *path, *making; /* its name, and its name until then */
	int directory;
};

/* -EEXIST: there is something at `path`. 0 or -errno. */
int target_begin(struct target *target_r, const char *path);
/* Makes it durable and gives it its name. 0; -EEXIST; -errno: then it is removed. */
int target_end(struct target *target);
/* Removes what was made. */
void target_drop(struct target *target);

/* A new file in it, whole; `utc_s` becomes its time unless NULL, and -ERANGE says that the file
 * system cannot hold that; the file is there then. */
int target_file(const struct target *target, const char *name, struct span bytes,
		const int64_t *utc_s);

#endif
