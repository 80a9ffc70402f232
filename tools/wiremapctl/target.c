/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_DESCRIPTORS = 64 };

static const char making_suffix[] = ".new-XXXXXX";

static void target_free(struct target *target)
{
	if (target->directory >= 0)
		close(target->directory);
	free(target->path);
	free(target->making);
	*target = (struct target){.directory = -1};
}

int target_begin(struct target *target_r, const char *path)
{
	size_t len = strlen(path);
	struct stat stat;
	int status = 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	*target_r = (struct target){.directory = -1, .path = strndup(path, len)};
	target_r->making = malloc(len + sizeof(making_suffix));
	if (target_r->path == NULL || target_r->making == NULL) {
		status = -ENOMEM;
		goto out;
	}
	snprintf(target_r->making, len + sizeof(making_suffix), "%s%s", target_r->path,
		 making_suffix);
	if (lstat(target_r->path, &stat) == 0)
		status = -EEXIST;
	else if (errno != ENOENT || mkdtemp(target_r->making) == NULL)
		status = -errno;
	if (status == 0) {
		target_r->directory = open(target_r->making, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (target_r->directory < 0)
			status = -errno;
	}
out:
	if (status != 0)
		target_free(target_r);
	return status;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void target_drop(struct target *target)
{
	if (target->making != NULL)
		nftw(target->making, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
	target_free(target);
}

static int parent_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash == NULL   ? strdup(".")
		       : slash == path ? strdup("/")
				       : strndup(path, (size_t)(slash - path));
	int directory = parent != NULL ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int status = parent == NULL ? -ENOMEM : directory < 0 || fsync(directory) != 0 ? -errno : 0;

	if (directory >= 0)
		close(directory);
	free(parent);
	return status;
}

int target_end(struct target *target)
{
	int status = 0;

	/* One for all: a sync of each of a million files would take hours. */
	if (syncfs(target->directory) != 0 ||
	    renameat2(AT_FDCWD, target->making, AT_FDCWD, target->path, RENAME_NOREPLACE) != 0)
		status = -errno;
	if (status != 0) {
		target_drop(target);
		return status;
	}
	status = parent_sync(target->path);
	target_free(target);
	return status;
}

static int bytes_write(int file, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(file, bytes.ptr, bytes.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			bytes = span_cut(bytes, (size_t)n, bytes.len);
	}
	return 0;
}

/* File systems clip silently what their inodes cannot hold. */
static int time_set(int file, int64_t utc_s)
{
	const struct timespec times[2] = {{.tv_sec = utc_s}, {.tv_sec = utc_s}};
	struct stat stat;

	if (futimens(file, times) != 0)
		return errno == EINVAL || errno == EOVERFLOW ? -ERANGE : -errno;
	if (fstat(file, &stat) != 0)
		return -errno;
	return stat.st_mtime == utc_s ? 0 : -ERANGE;
}

int target_file(const struct target *target, const char *name, struct span bytes,
		const int64_t *utc_s)
{
	int file = openat(target->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int status;

	if (file < 0)
		return -errno;
	status = bytes_write(file, bytes);
	if (status == 0 && utc_s != NULL)
		status = time_set(file, *utc_s);
	if (close(file) != 0 && status == 0)
		status = -errno;
	return status;
}
