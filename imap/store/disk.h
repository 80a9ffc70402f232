/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of everything that writes, as a table: the real one, or a test's that records,
 * drops, reorders, tears and fails them. It is no file system of its own: descriptors are the
 * system's, and what is read through maps is not seen here. Calls block; any thread.
 *
 * A test embeds the struct in its own, and finds itself by the first argument. Each call returns
 * what the system returned, or -errno; none is repeated here, so that the Nth call is the Nth.
 */
#ifndef WIREMAP_STORE_DISK_H
#define WIREMAP_STORE_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct store_disk {
	/* openat(); a file made has mode 0600, O_CLOEXEC and O_NOFOLLOW are added. */
	int (*open)(struct store_disk *disk, int directory, const char *name, int flags);
	int (*close)(struct store_disk *disk, int file);
	/* Bytes, 0 at the end of the file. */
	ssize_t (*read)(struct store_disk *disk, int file, void *bytes, size_t len, uint64_t off);
	/* pwritev(): bytes taken, maybe fewer than given. */
	ssize_t (*write)(struct store_disk *disk, int file, const struct iovec *parts,
			 unsigned parts_n, uint64_t off);
	/* fdatasync(): the bytes and the length are durable, the name is not. A failure is final
	 * (QUALITY.md, rule 4). */
	int (*sync)(struct store_disk *disk, int file);
	/* fallocate() without flags: the file grows if it must. -EOPNOTSUPP where there is none. */
	int (*allocate)(struct store_disk *disk, int file, uint64_t off, uint64_t len);
	/* ftruncate(), never of a file that is mapped (rule 6). */
	int (*truncate)(struct store_disk *disk, int file, uint64_t len);
	/* Within one directory. */
	int (*rename)(struct store_disk *disk, int directory, const char *from, const char *to);
	int (*unlink)(struct store_disk *disk, int directory, const char *name);
	int (*mkdir)(struct store_disk *disk, int directory, const char *name); /* 0700 */
	/* fsync() of a directory: its names are durable. */
	int (*sync_directory)(struct store_disk *disk, int directory);
};

/* The system's. It has no state and lives for ever. */
struct store_disk *store_disk_system(void);

/* All bytes, whatever pieces the system takes them in. Changes `parts`. 0 or -errno. */
int store_disk_write_all(struct store_disk *disk, int file, struct iovec *parts, unsigned parts_n,
			 uint64_t off);
/* As many of `len` bytes as there are before the end of the file, or -errno. */
ssize_t store_disk_read_all(struct store_disk *disk, int file, void *bytes, size_t len,
			    uint64_t off);

#endif
