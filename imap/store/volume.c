/* SPDX-License-Identifier: Apache-2.0 */
#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "crc32c.h"

static const char volume_file[] = "volume";

void store_error_set(struct store_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

int store_file_write(int file, const void *bytes, size_t len, uint64_t off)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = pwrite(file, at, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int store_file_make(const struct store_volume *volume, int directory, const char *name)
{
	int file;

	if (unlinkat(directory, name, 0) != 0 && errno != ENOENT)
		return -errno;
	file = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	if (volume->give_away && fchown(file, volume->uid, volume->gid) != 0) {
		int status = -errno;

		close(file);
		return status;
	}
	return file;
}

/* --- Accounts' directories --- */

void store_account_path(const uint8_t uuid[16], char path_r[ACCOUNT_PATH_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned at = 0;

	for (unsigned i = 0; i < 2; i++) {
		path_r[at++] = digits[uuid[i] >> 4];
		path_r[at++] = digits[uuid[i] & 15];
		path_r[at++] = '/';
	}
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			path_r[at++] = '-';
		path_r[at++] = digits[uuid[i] >> 4];
		path_r[at++] = digits[uuid[i] & 15];
	}
	ASSERT(at == ACCOUNT_PATH_MAX - 1);
	path_r[at] = '\0';
}

static const struct store_volume *volume_roomiest(const struct store *store)
{
	const struct store_volume *best = &store->volumes[0];
	uint64_t best_room = 0;

	for (unsigned k = 0; k < store->volumes_n; k++) {
		struct statvfs stat;
		uint64_t room;

		if (fstatvfs(store->volumes[k].directory, &stat) != 0)
			continue;
		room = (uint64_t)stat.f_bavail * stat.f_frsize;
		if (room > best_room) {
			best_room = room;
			best = &store->volumes[k];
		}
	}
	return best;
}

/* One level of the path, made if missing; its name is durable when this returns. */
static int directory_descend(const struct store_volume *volume, int parent, const char *name)
{
	int directory, status;

	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0)
		return -errno;
	if ((volume->give_away && fchown(directory, volume->uid, volume->gid) != 0) ||
	    fsync(parent) != 0) {
		status = -errno;
		close(directory);
		return status;
	}
	return directory;
}

static int directory_make(const struct store_volume *volume, const char *path)
{
	char names[ACCOUNT_PATH_MAX];
	const char *const levels[3] = {names, names + 3, names + 6};
	int parent = volume->directory;

	memcpy(names, path, sizeof(names));
	names[2] = names[5] = '\0';
	for (unsigned level = 0; level < 3; level++) {
		int child = directory_descend(volume, parent, levels[level]);

		if (parent != volume->directory)
			close(parent);
		if (child < 0)
			return child;
		parent = child;
	}
	return parent;
}

int store_account_directory(const struct store *store, const uint8_t uuid[16], bool make,
			    const struct store_volume **volume_r)
{
	char path[ACCOUNT_PATH_MAX];

	store_account_path(uuid, path);
	for (unsigned k = 0; k < store->volumes_n; k++) {
		int directory = openat(store->volumes[k].directory, path,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		*volume_r = &store->volumes[k];
		if (directory >= 0)
			return directory;
		if (errno != ENOENT)
			return -errno;
	}
	if (!make)
		return -ENOENT;
	*volume_r = volume_roomiest(store);
	return directory_make(*volume_r, path);
}

/* One of the 256 directories of a level, or one with a uuid for a name. */
struct level {
	const struct store_volume *volume;
	char path[ACCOUNT_PATH_MAX];
	int (*each)(const uint8_t uuid[16], void *arg);
	void *arg;
	struct store_error *error;
};

static bool uuid_parse(const char *name, uint8_t uuid_r[16])
{
	unsigned digits = 0;

	for (; *name != '\0'; name++) {
		int digit = *name >= '0' && *name <= '9'   ? *name - '0'
			    : *name >= 'a' && *name <= 'f' ? *name - 'a' + 10
							   : -1;

		if (*name == '-')
			continue;
		if (digit < 0 || digits == 32)
			return false;
		uuid_r[digits / 2] =
			(uint8_t)(digits % 2 == 0 ? digit << 4 : uuid_r[digits / 2] | digit);
		digits++;
	}
	return digits == 32;
}

/* What lies under a path of the volume: two levels of two digits, then accounts. */
static int level_walk(struct level *level, unsigned depth)
{
	int file = openat(level->volume->directory, depth == 0 ? "." : level->path,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory = file >= 0 ? fdopendir(file) : NULL;
	const struct dirent *entry;
	uint8_t uuid[16];
	int status = 0;

	if (directory == NULL) {
		status = -errno;
		store_error_set(level->error, "%.300s/%s: %s", level->volume->path, level->path,
				strerror(-status));
		if (file >= 0)
			close(file);
		return status;
	}
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		if (depth == 2 && uuid_parse(entry->d_name, uuid)) {
			status = level->each(uuid, level->arg);
		} else if (depth < 2 && strlen(entry->d_name) == 2 && entry->d_name[0] != '.') {
			if (depth > 0)
				level->path[depth * 3 - 1] = '/';
			memcpy(level->path + depth * 3, entry->d_name, 3);
			status = level_walk(level, depth + 1);
		}
	}
	closedir(directory);
	return status;
}

int store_accounts_each(struct store *store, int (*each)(const uint8_t uuid[16], void *arg),
			void *arg, struct store_error *error_r)
{
	int status = 0;

	error_r->text[0] = '\0';
	for (unsigned k = 0; k < store->volumes_n && status == 0; k++) {
		struct level level = {
			.volume = &store->volumes[k], .each = each, .arg = arg, .error = error_r};

		status = level_walk(&level, 0);
	}
	return status;
}

/* --- Opening --- */

static int system_check(const struct store_volume *volume, struct log *log,
			struct store_error *error)
{
	struct statfs system;

	if (fstatfs(volume->directory, &system) != 0)
		return -errno;
	switch ((uint32_t)system.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		return 0;
	case TMPFS_MAGIC:
		log_line(log, LOG_LEVEL_WARNING,
			 "volume %s is on tmpfs: its mail is gone with the next restart",
			 volume->path);
		return 0;
	default:
		store_error_set(error,
				"volume %.300s is on a file system of type 0x%x%s: what a sync "
				"promises there was never tested; use a directory on ext4 or XFS",
				volume->path, (unsigned)system.f_type,
				(uint32_t)system.f_type == OVERLAYFS_SUPER_MAGIC
					? " (overlayfs, as in a container's own layer)"
					: "");
		return -EINVAL;
	}
}

static int owner_check(struct store_volume *volume, struct store_error *error)
{
	struct stat stat;

	if (fstat(volume->directory, &stat) != 0)
		return -errno;
	volume->uid = stat.st_uid;
	volume->gid = stat.st_gid;
	volume->give_away = geteuid() == 0 && stat.st_uid != 0;
	if (geteuid() != 0 && stat.st_uid != geteuid()) {
		store_error_set(error,
				"volume %.300s belongs to uid %u, this process runs as uid %u: run "
				"it as the owner, or chown -R the volume",
				volume->path, (unsigned)stat.st_uid, (unsigned)geteuid());
		return -EPERM;
	}
	if ((stat.st_mode & 022) != 0) {
		store_error_set(error, "volume %.300s can be written by others: chmod go-w it",
				volume->path);
		return -EPERM;
	}
	return 0;
}

static int empty_check(const struct store_volume *volume, struct store_error *error)
{
	DIR *directory = opendir(volume->path);
	const struct dirent *entry;
	int status = 0;

	if (directory == NULL)
		return -errno;
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, "lost+found") == 0)
			continue;
		store_error_set(error,
				"%.300s is not a volume and holds other files (%.60s): name an "
				"empty directory",
				volume->path, entry->d_name);
		status = -EINVAL;
	}
	closedir(directory);
	return status;
}

/* A volume's file is written once, under another name first: it is there whole or not at all. */
static int volume_format(const struct store_volume *volume)
{
	struct disk_volume disk = {
		.magic = FORMAT_MAGIC_VOLUME,
		.version = FORMAT_VERSION,
		.created_s = time(NULL),
	};
	int file, status;

	if (getrandom(disk.id, sizeof(disk.id), 0) != sizeof(disk.id))
		return -EIO;
	disk.crc = store_crc32c(0, &disk, offsetof(struct disk_volume, crc));
	file = store_file_make(volume, volume->directory, "volume.new");
	if (file < 0)
		return file;
	status = store_file_write(file, &disk, sizeof(disk), 0);
	if (status == 0 && fdatasync(file) != 0)
		status = -errno;
	close(file);
	if (status == 0 &&
	    (renameat(volume->directory, "volume.new", volume->directory, volume_file) != 0 ||
	     fsync(volume->directory) != 0))
		status = -errno;
	return status;
}

static int volume_read(const struct store_volume *volume, struct store_error *error)
{
	struct disk_volume disk;

	if (pread(volume->lock, &disk, sizeof(disk), 0) != (ssize_t)sizeof(disk) ||
	    disk.magic != FORMAT_MAGIC_VOLUME ||
	    disk.crc != store_crc32c(0, &disk, offsetof(struct disk_volume, crc))) {
		store_error_set(error,
				"%.300s/volume is damaged: restore that file from a backup of this "
				"volume",
				volume->path);
		return -EINVAL;
	}
	if (disk.version != FORMAT_VERSION || (disk.must_understand & ~FORMAT_UNDERSTOOD) != 0) {
		store_error_set(error,
				"volume %.300s has format version %u, this program reads %u: use "
				"the program that wrote it",
				volume->path, disk.version, (unsigned)FORMAT_VERSION);
		return -EINVAL;
	}
	return 0;
}

static int volume_lock(struct store_volume *volume, struct store_error *error)
{
	int status;

	volume->lock = openat(volume->directory, volume_file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (volume->lock < 0 && errno == ENOENT) {
		status = empty_check(volume, error);
		if (status == 0)
			status = volume_format(volume);
		if (status != 0)
			return status;
		volume->lock =
			openat(volume->directory, volume_file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	if (volume->lock < 0)
		return -errno;
	if (flock(volume->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	store_error_set(error,
			"volume %.300s is in use by a running wiremapd or another wiremapctl: stop "
			"it, then try again",
			volume->path);
	return -EBUSY;
}

static int volume_open(struct store_volume *volume, const char *path, struct log *log,
		       struct store_error *error)
{
	int status = 0;

	volume->lock = -1;
	volume->directory = -1;
	if (strlen(path) >= sizeof(volume->path))
		return -ENAMETOOLONG;
	memcpy(volume->path, path, strlen(path) + 1);
	volume->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (volume->directory < 0)
		status = -errno;
	if (status == 0)
		status = system_check(volume, log, error);
	if (status == 0)
		status = owner_check(volume, error);
	if (status == 0)
		status = volume_lock(volume, error);
	if (status == 0)
		status = volume_read(volume, error);
	if (status != 0 && error->text[0] == '\0')
		store_error_set(error, "volume %.300s: %s: %s", path, strerror(-status),
				status == -ENOENT ? "make that directory first"
						  : "see that this user may use that directory");
	return status;
}

int store_open(const struct store_config *config, struct store **store_r,
	       struct store_error *error_r)
{
	struct store *store = calloc(1, sizeof(*store));
	int status = 0;

	*store_r = NULL;
	error_r->text[0] = '\0';
	if (store == NULL)
		return -ENOMEM;
	store->config = *config;
	store->config.volumes = NULL;
	if (store->config.segment_bytes_max == 0)
		store->config.segment_bytes_max = FORMAT_SEGMENT_BYTES_MAX;
	if (config->volumes_n == 0 || config->volumes_n > VOLUMES_MAX) {
		store_error_set(error_r, "%u volumes are named: name 1 to %u under store.volumes",
				config->volumes_n, (unsigned)VOLUMES_MAX);
		status = -EINVAL;
	}
	for (unsigned k = 0; k < config->volumes_n && status == 0; k++) {
		store->volumes_n++;
		status = volume_open(&store->volumes[k], config->volumes[k], config->log, error_r);
	}
	if (status != 0)
		store_close(&store);
	*store_r = store;
	return status;
}

void store_close(struct store **store)
{
	if (*store == NULL)
		return;
	for (unsigned k = 0; k < (*store)->volumes_n; k++) {
		struct store_volume *volume = &(*store)->volumes[k];

		if (volume->lock >= 0)
			close(volume->lock);
		if (volume->directory >= 0)
			close(volume->directory);
	}
	free(*store);
	*store = NULL;
}
