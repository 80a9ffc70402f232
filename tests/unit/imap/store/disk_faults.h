/* SPDX-License-Identifier: Apache-2.0 */
/* A disk whose Nth call fails, or takes half of what it is given. One thread. */
#ifndef WIREMAP_STORE_DISK_FAULTS_H
#define WIREMAP_STORE_DISK_FAULTS_H

#include "disk.h"

enum disk_call {
	DISK_OPEN = 1 << 0,
	DISK_READ = 1 << 1,
	DISK_WRITE = 1 << 2,
	DISK_SYNC = 1 << 3,
	DISK_ALLOCATE = 1 << 4,
	DISK_TRUNCATE = 1 << 5,
	DISK_RENAME = 1 << 6,
	DISK_UNLINK = 1 << 7,
	DISK_MKDIR = 1 << 8,
	DISK_SYNC_DIRECTORY = 1 << 9,
	DISK_ANY = (1 << 10) - 1, /* close() cannot fail in a way that counts */
};

struct disk_faults {
	struct store_disk disk;
	struct store_disk *under;
	unsigned kinds; /* enum disk_call: these are counted */
	unsigned calls; /* of them so far */
	unsigned at;	/* the call that fails, 1 is the first; 0: none */
	unsigned many;	/* how many from there on */
	int error;	/* -errno; 0: a write takes half, others succeed */
};

void disk_faults_make(struct disk_faults *faults, struct store_disk *under);
/* From now on: call `at` of these kinds, and those after it, `many` in all. */
void disk_faults_arm(struct disk_faults *faults, unsigned kinds, unsigned at, unsigned many,
		     int error);

#endif
