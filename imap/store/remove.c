/* SPDX-License-Identifier: Apache-2.0 */
#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * The checkpoint goes first, durably: what is left after a kill names nothing and is the garbage
 * of F3, which the next remove or import clears away.
 */
static int files_remove(int directory)
{
	int copy, status = 0;
	struct dirent *entry;
	DIR *list;

	if (unlinkat(directory, "checkpoint", 0) != 0 && errno != ENOENT)
		return -errno;
	if (fsync(directory) != 0)
		return -errno;
	copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	list = copy >= 0 ? fdopendir(copy) : NULL;
	if (list == NULL) {
		status = -errno;
		if (copy >= 0)
			close(copy);
		return status;
	}
	while (status == 0 && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(directory, entry->d_name, 0) != 0)
			status = -errno;
	closedir(list);
	return status;
}

int store_account_remove(struct store *store, const uint8_t uuid[16], struct store_error *error_r)
{
	const struct store_volume *volume = &store->volumes[0];
	char path[ACCOUNT_PATH_MAX];
	int status, directory = store_account_directory(store, uuid, false, &volume);

	error_r->text[0] = '\0';
	store_account_path(uuid, path);
	if (directory < 0) {
		status = directory;
	} else {
		status = files_remove(directory);
		close(directory);
		if (status == 0 && unlinkat(volume->directory, path, AT_REMOVEDIR) != 0)
			status = -errno;
	}
	if (status != 0 && status != -ENOENT)
		store_error_set(error_r, "%.300s/%s: %s: remove it by hand", volume->path, path,
				strerror(-status));
	return status;
}
