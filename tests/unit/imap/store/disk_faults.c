/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_faults.h"

#include <stdbool.h>

/* The disk is the first member. */
static struct disk_faults *own(struct store_disk *disk)
{
	return (struct disk_faults *)disk;
}

static bool hit(struct store_disk *disk, enum disk_call kind)
{
	struct disk_faults *faults = own(disk);

	if ((faults->kinds & (unsigned)kind) == 0)
		return false;
	faults->calls++;
	return faults->at != 0 && faults->calls >= faults->at &&
	       faults->calls - faults->at < faults->many;
}

static bool fails(struct store_disk *disk, enum disk_call kind)
{
	return hit(disk, kind) && own(disk)->error != 0;
}

static int faulty_open(struct store_disk *disk, int directory, const char *name, int flags)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_OPEN) ? own(disk)->error
				      : under->open(under, directory, name, flags);
}

static int faulty_close(struct store_disk *disk, int file)
{
	return own(disk)->under->close(own(disk)->under, file);
}

static ssize_t faulty_read(struct store_disk *disk, int file, void *bytes, size_t len, uint64_t off)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_READ) ? own(disk)->error
				      : under->read(under, file, bytes, len, off);
}

static ssize_t faulty_write(struct store_disk *disk, int file, const struct iovec *parts,
			    unsigned parts_n, uint64_t off)
{
	struct store_disk *under = own(disk)->under;
	struct iovec half = *parts;

	if (!hit(disk, DISK_WRITE))
		return under->write(under, file, parts, parts_n, off);
	if (own(disk)->error != 0)
		return own(disk)->error;
	half.iov_len = (half.iov_len + 1) / 2;
	return under->write(under, file, &half, 1, off);
}

static int faulty_sync(struct store_disk *disk, int file)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_SYNC) ? own(disk)->error : under->sync(under, file);
}

static int faulty_allocate(struct store_disk *disk, int file, uint64_t off, uint64_t len)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_ALLOCATE) ? own(disk)->error
					  : under->allocate(under, file, off, len);
}

static int faulty_truncate(struct store_disk *disk, int file, uint64_t len)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_TRUNCATE) ? own(disk)->error : under->truncate(under, file, len);
}

static int faulty_rename(struct store_disk *disk, int directory, const char *from, const char *to)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_RENAME) ? own(disk)->error
					: under->rename(under, directory, from, to);
}

static int faulty_unlink(struct store_disk *disk, int directory, const char *name)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_UNLINK) ? own(disk)->error : under->unlink(under, directory, name);
}

static int faulty_mkdir(struct store_disk *disk, int directory, const char *name)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_MKDIR) ? own(disk)->error : under->mkdir(under, directory, name);
}

static int faulty_sync_directory(struct store_disk *disk, int directory)
{
	struct store_disk *under = own(disk)->under;

	return fails(disk, DISK_SYNC_DIRECTORY) ? own(disk)->error
						: under->sync_directory(under, directory);
}

void disk_faults_make(struct disk_faults *faults, struct store_disk *under)
{
	*faults = (struct disk_faults){
		.disk =
			{
				.open = faulty_open,
				.close = faulty_close,
				.read = faulty_read,
				.write = faulty_write,
				.sync = faulty_sync,
				.allocate = faulty_allocate,
				.truncate = faulty_truncate,
				.rename = faulty_rename,
				.unlink = faulty_unlink,
				.mkdir = faulty_mkdir,
				.sync_directory = faulty_sync_directory,
			},
		.under = under,
	};
}

void disk_faults_arm(struct disk_faults *faults, unsigned kinds, unsigned at, unsigned many,
		     int error)
{
	faults->kinds = kinds;
	faults->calls = 0;
	faults->at = at;
	faults->many = many;
	faults->error = error;
}
