/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int result(int returned)
{
	return returned < 0 ? -errno : returned;
}

static int system_open(struct store_disk *disk, int directory, const char *name, int flags)
{
	(void)disk;
	return result(openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int system_close(struct store_disk *disk, int file)
{
	(void)disk;
	return result(close(file));
}

static ssize_t system_read(struct store_disk *disk, int file, void *bytes, size_t len, uint64_t off)
{
	ssize_t n = pread(file, bytes, len, (off_t)off);

	(void)disk;
	return n < 0 ? -errno : n;
}

static ssize_t system_write(struct store_disk *disk, int file, const struct iovec *parts,
			    unsigned parts_n, uint64_t off)
{
	ssize_t n = pwritev(file, parts, (int)parts_n, (off_t)off);

	(void)disk;
	return n < 0 ? -errno : n;
}

static int system_sync(struct store_disk *disk, int file)
{
	(void)disk;
	return result(fdatasync(file));
}

static int system_allocate(struct store_disk *disk, int file, uint64_t off, uint64_t len)
{
	(void)disk;
	return result(fallocate(file, 0, (off_t)off, (off_t)len));
}

static int system_truncate(struct store_disk *disk, int file, uint64_t len)
{
	(void)disk;
	return result(ftruncate(file, (off_t)len));
}

static int system_rename(struct store_disk *disk, int directory, const char *from, const char *to)
{
	(void)disk;
	return result(renameat(directory, from, directory, to));
}

static int system_unlink(struct store_disk *disk, int directory, const char *name)
{
	(void)disk;
	return result(unlinkat(directory, name, 0));
}

static int system_mkdir(struct store_disk *disk, int directory, const char *name)
{
	(void)disk;
	return result(mkdirat(directory, name, 0700));
}

static int system_sync_directory(struct store_disk *disk, int directory)
{
	(void)disk;
	return result(fsync(directory));
}

struct store_disk *store_disk_system(void)
{
	static struct store_disk disk = {
		.open = system_open,
		.close = system_close,
		.read = system_read,
		.write = system_write,
		.sync = system_sync,
		.allocate = system_allocate,
		.truncate = system_truncate,
		.rename = system_rename,
		.unlink = system_unlink,
		.mkdir = system_mkdir,
		.sync_directory = system_sync_directory,
	};

	return &disk;
}

int store_disk_write_all(struct store_disk *disk, int file, struct iovec *parts, unsigned parts_n,
			 uint64_t off)
{
	while (parts_n > 0) {
		ssize_t n;

		if (parts->iov_len == 0) {
			parts++;
			parts_n--;
			continue;
		}
		n = disk->write(disk, file, parts, parts_n, off);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		off += (uint64_t)n;
		for (; parts_n > 0 && (size_t)n >= parts->iov_len; parts++, parts_n--)
			n -= (ssize_t)parts->iov_len;
		if (parts_n > 0) {
			parts->iov_base = (uint8_t *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
	return 0;
}

ssize_t store_disk_read_all(struct store_disk *disk, int file, void *bytes, size_t len,
			    uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = disk->read(disk, file, (uint8_t *)bytes + done, len - done, off + done);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}
