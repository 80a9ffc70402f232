/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum {
	NAME_MAX_BYTES = 64,
	FILES_MAX = 256,
	DESCRIPTORS_MAX = 1024,
};

enum event_kind { EVENT_WRITE, EVENT_LENGTH, EVENT_SYNC, EVENT_NAME, EVENT_SYNC_NAMES };

/* A file is what a name was once made for; descriptors and names point at it. */
struct event {
	enum event_kind kind;
	int file;     /* EVENT_NAME: -1, the name is gone */
	uint64_t off; /* EVENT_LENGTH: the length */
	uint8_t *bytes;
	size_t len;
	char name[NAME_MAX_BYTES];
	char gone[NAME_MAX_BYTES]; /* the name it had before a rename */
};

struct powercut {
	struct store_disk disk;
	struct event *events;
	unsigned events_n, events_room;
	int files_n;
	int files[DESCRIPTORS_MAX]; /* by descriptor; -1: none */
	unsigned skip_every, syncs;
};

static struct powercut *own(struct store_disk *disk)
{
	return (struct powercut *)disk;
}

static struct event *record(struct powercut *powercut, enum event_kind kind, int file)
{
	struct event *event;

	if (powercut->events_n == powercut->events_room) {
		powercut->events_room = powercut->events_room * 2 + 64;
		powercut->events = realloc(powercut->events,
					   powercut->events_room * sizeof(*powercut->events));
		ASSERT(powercut->events != NULL);
	}
	event = &powercut->events[powercut->events_n++];
	*event = (struct event){.kind = kind, .file = file};
	return event;
}

static void name_set(char to[NAME_MAX_BYTES], const char *name)
{
	ASSERT(strlen(name) < NAME_MAX_BYTES);
	memcpy(to, name, strlen(name) + 1);
}

/* --- Names --- */

struct names {
	char name[FILES_MAX][NAME_MAX_BYTES];
	int file[FILES_MAX];
	unsigned n;
};

static void names_remove(struct names *names, const char *name)
{
	for (unsigned k = 0; k < names->n; k++) {
		if (strcmp(names->name[k], name) != 0)
			continue;
		names->n--;
		memmove(names->name[k], names->name[names->n], NAME_MAX_BYTES);
		names->file[k] = names->file[names->n];
		return;
	}
}

static void names_apply(struct names *names, const struct event *event)
{
	if (event->gone[0] != '\0')
		names_remove(names, event->gone);
	names_remove(names, event->name);
	if (event->file < 0)
		return;
	ASSERT(names->n < FILES_MAX);
	name_set(names->name[names->n], event->name);
	names->file[names->n++] = event->file;
}

static int names_find(const struct powercut *powercut, const char *name)
{
	static struct names names;

	names.n = 0;
	for (unsigned k = 0; k < powercut->events_n; k++)
		if (powercut->events[k].kind == EVENT_NAME)
			names_apply(&names, &powercut->events[k]);
	for (unsigned k = 0; k < names.n; k++)
		if (strcmp(names.name[k], name) == 0)
			return names.file[k];
	return -1;
}

/* --- Recording --- */

static int cut_open(struct store_disk *disk, int directory, const char *name, int flags)
{
	struct powercut *powercut = own(disk);
	struct store_disk *under = store_disk_system();
	int known = names_find(powercut, name);
	int file = under->open(under, directory, name, flags & ~O_DIRECT);

	if (file < 0)
		return file;
	ASSERT(file < DESCRIPTORS_MAX);
	if (known < 0) {
		ASSERT((flags & O_CREAT) != 0); /* nothing comes from elsewhere */
		known = powercut->files_n++;
		name_set(record(powercut, EVENT_NAME, known)->name, name);
	} else if ((flags & O_TRUNC) != 0) {
		record(powercut, EVENT_LENGTH, known)->off = 0;
	}
	powercut->files[file] = known;
	return file;
}

static int cut_close(struct store_disk *disk, int file)
{
	own(disk)->files[file] = -1;
	return close(file);
}

static ssize_t cut_read(struct store_disk *disk, int file, void *bytes, size_t len, uint64_t off)
{
	(void)disk;
	return store_disk_system()->read(NULL, file, bytes, len, off);
}

static ssize_t cut_write(struct store_disk *disk, int file, const struct iovec *parts,
			 unsigned parts_n, uint64_t off)
{
	struct event *event = record(own(disk), EVENT_WRITE, own(disk)->files[file]);
	ssize_t n = store_disk_system()->write(NULL, file, parts, parts_n, off);

	ASSERT(n >= 0 && event->file >= 0);
	event->off = off;
	event->bytes = malloc((size_t)n + 1);
	ASSERT(event->bytes != NULL);
	for (unsigned k = 0; k < parts_n && event->len < (size_t)n; k++) {
		size_t len = parts[k].iov_len;

		len = len < (size_t)n - event->len ? len : (size_t)n - event->len;
		if (len > 0)
			memcpy(event->bytes + event->len, parts[k].iov_base, len);
		event->len += len;
	}
	return n;
}

static int cut_sync(struct store_disk *disk, int file)
{
	struct powercut *powercut = own(disk);

	powercut->syncs++;
	if (powercut->skip_every == 0 || powercut->syncs % powercut->skip_every != 0)
		record(powercut, EVENT_SYNC, powercut->files[file]);
	return 0;
}

static int cut_truncate(struct store_disk *disk, int file, uint64_t len)
{
	record(own(disk), EVENT_LENGTH, own(disk)->files[file])->off = len;
	return store_disk_system()->truncate(NULL, file, len);
}

/* What is allocated reads as zeros, as if it were a longer file. */
static int cut_allocate(struct store_disk *disk, int file, uint64_t off, uint64_t len)
{
	off_t size = lseek(file, 0, SEEK_END);

	if (size < 0 || (uint64_t)size >= off + len)
		return 0;
	return cut_truncate(disk, file, off + len);
}

static int cut_rename(struct store_disk *disk, int directory, const char *from, const char *to)
{
	int file = names_find(own(disk), from);
	int status = store_disk_system()->rename(NULL, directory, from, to);

	if (status == 0) {
		struct event *event = record(own(disk), EVENT_NAME, file);

		name_set(event->name, to);
		name_set(event->gone, from);
	}
	return status;
}

static int cut_unlink(struct store_disk *disk, int directory, const char *name)
{
	int status = store_disk_system()->unlink(NULL, directory, name);

	if (status == 0)
		name_set(record(own(disk), EVENT_NAME, -1)->name, name);
	return status;
}

static int cut_mkdir(struct store_disk *disk, int directory, const char *name)
{
	(void)disk;
	(void)directory;
	(void)name;
	return -EOPNOTSUPP;
}

static int cut_sync_directory(struct store_disk *disk, int directory)
{
	(void)directory;
	record(own(disk), EVENT_SYNC_NAMES, -1);
	return 0;
}

struct powercut *powercut_create(void)
{
	struct powercut *powercut = calloc(1, sizeof(*powercut));

	ASSERT(powercut != NULL);
	powercut->disk = (struct store_disk){
		.open = cut_open,
		.close = cut_close,
		.read = cut_read,
		.write = cut_write,
		.sync = cut_sync,
		.allocate = cut_allocate,
		.truncate = cut_truncate,
		.rename = cut_rename,
		.unlink = cut_unlink,
		.mkdir = cut_mkdir,
		.sync_directory = cut_sync_directory,
	};
	for (unsigned k = 0; k < DESCRIPTORS_MAX; k++)
		powercut->files[k] = -1;
	return powercut;
}

void powercut_destroy(struct powercut **powercut)
{
	for (unsigned k = 0; k < (*powercut)->events_n; k++)
		free((*powercut)->events[k].bytes);
	free((*powercut)->events);
	free(*powercut);
	*powercut = NULL;
}

struct store_disk *powercut_disk(struct powercut *powercut)
{
	return &powercut->disk;
}

unsigned powercut_moment(const struct powercut *powercut)
{
	return powercut->events_n;
}

void powercut_skip_sync(struct powercut *powercut, unsigned every)
{
	powercut->skip_every = every;
	powercut->syncs = 0;
}

/* --- Making a state --- */

struct image {
	uint8_t *bytes;
	size_t len, room;
};

static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void image_length(struct image *image, size_t len)
{
	if (len > image->room) {
		image->room = len * 2;
		image->bytes = realloc(image->bytes, image->room);
		ASSERT(image->bytes != NULL);
	}
	if (len > image->len)
		memset(image->bytes + image->len, 0, len - image->len);
	image->len = len;
}

/* How much of what was not synced arrives: a seed is all, none, or so many in 8. */
static bool arrives(uint64_t *seed, unsigned in_eight)
{
	return draw(seed) % 8 < in_eight;
}

/* A write that was not synced: whole, not at all, or sector by sector. Lost sectors within the
 * file keep what they held. */
static void write_tear(struct image *image, const struct event *event, uint64_t *seed,
		       unsigned in_eight)
{
	bool torn = draw(seed) % 2 == 0, whole = arrives(seed, in_eight);

	for (size_t at = 0; at < event->len;) {
		size_t sector = POWERCUT_SECTOR_BYTES - (event->off + at) % POWERCUT_SECTOR_BYTES;
		size_t len = event->len - at < sector ? event->len - at : sector;

		if (torn ? arrives(seed, in_eight) : whole) {
			if (event->off + at + len > image->len)
				image_length(image, event->off + at + len);
			memcpy(image->bytes + event->off + at, event->bytes + at, len);
		}
		at += len;
	}
}

static void image_make(const struct powercut *powercut, unsigned moment, int file, uint64_t *seed,
		       struct image *image)
{
	unsigned synced = 0, in_eight = (unsigned)(draw(seed) % 9);

	image->len = 0;
	for (unsigned k = 0; k < moment; k++)
		if (powercut->events[k].kind == EVENT_SYNC && powercut->events[k].file == file)
			synced = k;
	for (unsigned k = 0; k < moment; k++) {
		const struct event *event = &powercut->events[k];

		if (event->file != file)
			continue;
		if (event->kind == EVENT_LENGTH && (k < synced || arrives(seed, in_eight)))
			image_length(image, event->off);
		if (event->kind != EVENT_WRITE)
			continue;
		if (k < synced && event->off + event->len > image->len)
			image_length(image, event->off + event->len);
		if (k < synced)
			memcpy(image->bytes + event->off, event->bytes, event->len);
		else
			write_tear(image, event, seed, in_eight);
	}
}

void powercut_state_make(const struct powercut *powercut, unsigned moment, uint64_t seed,
			 const char *path)
{
	static struct names names;
	static struct image image; /* kept from state to state */
	unsigned synced = 0;
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT(directory >= 0 && moment <= powercut->events_n);
	names.n = 0;
	for (unsigned k = 0; k < moment; k++)
		if (powercut->events[k].kind == EVENT_SYNC_NAMES)
			synced = k;
	/* Changes of one directory reach the disk in their order: what a journal does. */
	for (unsigned k = 0; k < moment; k++) {
		if (powercut->events[k].kind != EVENT_NAME)
			continue;
		if (k >= synced && draw(&seed) % 3 == 0)
			break;
		names_apply(&names, &powercut->events[k]);
	}
	for (unsigned k = 0; k < names.n; k++) {
		int file = openat(directory, names.name[k], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				  0600);

		image_make(powercut, moment, names.file[k], &seed, &image);
		ASSERT(file >= 0 && pwrite(file, image.bytes, image.len, 0) == (ssize_t)image.len);
		close(file);
	}
	close(directory);
}
