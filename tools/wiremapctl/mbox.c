/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "date.h"
#include "extras.h"
#include "fields.h"
#include "folders.h"
#include "listing.h"

/*
 * A message begins at a line "From SENDER DATE" that stands at the start of the file or after an
 * empty line, and ends before the next; the empty line before that belongs to neither. A
 * Content-Length that leads to such a line or to the end of the file is believed.
 */
struct mbox {
	struct source_sink *sink;
	const struct source_options *options;
	const char *path;
	FILE *file;
	char *line;
	size_t line_room;
	unsigned long line_number;
	struct buffer message;
	bool open; /* a message is */
	unsigned long message_line;
	struct store_date date;
	bool in_header;
	bool blank;	      /* the line before was empty */
	bool separable;	      /* and belongs to no header: it may be a separator's */
	bool counted;	      /* the body was taken by its Content-Length */
	size_t marked;	      /* bytes of the fields an export put before the message; 0: none */
	struct extras extras; /* then: what the last of them says */
	bool too_long;
};

static bool is_blank(const char *line, size_t len)
{
	return len > 0 && (line[0] == '\n' || (len == 2 && line[0] == '\r' && line[1] == '\n'));
}

static bool is_separator(const char *line, size_t len, struct store_date *date_r)
{
	const char *end = line + len, *space;

	if (len < 5 || memcmp(line, "From ", 5) != 0)
		return false;
	/* The sender may be missing, and may hold spaces when it is quoted. */
	for (space = line + 4; space != NULL && space < end;
	     space = memchr(space + 1, ' ', (size_t)(end - space - 1))) {
		struct span rest = {(const uint8_t *)space, (size_t)(end - space)};

		if (date_ctime(rest, date_r) || date_mail(rest, date_r))
			return true;
	}
	return false;
}

/* --- What mail programs keep in fields of their own --- */

static void letters_read(struct span value, struct source_message *message)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.ptr[i];

		message->system |= c == 'R'   ? STORE_SEEN
				   : c == 'A' ? STORE_ANSWERED
				   : c == 'F' ? STORE_FLAGGED
				   : c == 'D' ? STORE_DELETED
				   : c == 'T' ? STORE_DRAFT
					      : 0;
	}
}

static void keywords_read(struct span value, struct source_message *message)
{
	size_t at = 0;

	while (at < value.len && message->keywords_n < SOURCE_KEYWORDS_MAX) {
		size_t len = 0;

		while (at + len < value.len && value.ptr[at + len] > ' ' &&
		       value.ptr[at + len] != ',')
			len++;
		if (len > 0)
			message->keywords[message->keywords_n++] = span_cut(value, at, len);
		at += len + 1;
	}
}

/* The first message of some mboxes is a note of the program that keeps the file. */
static bool is_internal(struct span header)
{
	static const char subject[] = "FOLDER INTERNAL DATA";
	struct span value;

	return (field_find(header, "x-imap", &value) || field_find(header, "x-imapbase", &value)) &&
	       field_find(header, "subject", &value) &&
	       memmem(value.ptr, value.len, subject, sizeof(subject) - 1) != NULL;
}

/* Takes one > from every line that an export gave one. */
static struct span unquote(uint8_t *bytes, size_t len)
{
	size_t at = 0, to = 0;

	while (at < len) {
		const uint8_t *lf = memchr(bytes + at, '\n', len - at);
		size_t line = lf != NULL ? (size_t)(lf - bytes) + 1 - at : len - at;
		size_t quoted =
			bytes[at] == '>' && extras_from_line((struct span){bytes + at, line});

		memmove(bytes + to, bytes + at + quoted, line - quoted);
		to += line - quoted;
		at += line;
	}
	return (struct span){bytes, to};
}

/* A message of an export: its fields are ours, the rest is it. */
static struct span marked_take(struct mbox *mbox, struct source_message *message)
{
	struct span bytes =
		unquote(mbox->message.bytes + mbox->marked, mbox->message.len - mbox->marked);

	message->verbatim = mbox->extras.verbatim;
	if (mbox->extras.dated)
		message->date = mbox->extras.date;
	return bytes;
}

static int message_end(struct mbox *mbox)
{
	struct source_message message = {.date = mbox->date, .dated = true};
	struct span bytes = buffer_span(&mbox->message), header, value;
	char place[512];

	if (!mbox->open)
		return 0;
	mbox->open = false;
	if (mbox->blank && mbox->separable && bytes.len > 0 && !mbox->counted)
		bytes.len -= bytes.len >= 2 && bytes.ptr[bytes.len - 2] == '\r' ? 2 : 1;
	snprintf(place, sizeof(place), "%.400s:%lu", mbox->path, mbox->message_line);
	if (mbox->too_long) {
		mbox->sink->skipped(mbox->sink, place, "the message is longer than 2 GiB");
		return 0;
	}
	if (mbox->marked > 0) {
		header = span_cut(bytes, 0, mbox->marked);
		bytes = marked_take(mbox, &message);
	} else {
		header = span_cut(bytes, 0, field_header_bytes(bytes));
		if (is_internal(header))
			return 0;
	}
	if (field_find(header, "status", &value))
		letters_read(value, &message);
	if (field_find(header, "x-status", &value))
		letters_read(value, &message);
	if (field_find(header, "x-keywords", &value))
		keywords_read(value, &message);
	message.bytes = bytes;
	message.place = place;
	return mbox->sink->message(mbox->sink, &message);
}

static void message_begin(struct mbox *mbox, struct store_date date)
{
	mbox->open = true;
	mbox->message.len = 0;
	mbox->message_line = mbox->line_number;
	mbox->date = date;
	mbox->in_header = true;
	mbox->counted = mbox->too_long = false;
	mbox->marked = 0;
}

/* --- Content-Length --- */

/* Whether a separator or the end of the file stands `length` bytes from here. */
static bool length_leads(struct mbox *mbox, off_t length)
{
	off_t here = ftello(mbox->file);
	char next[512] = "";
	struct store_date date;
	const char *at = next;
	bool right = false;
	size_t n;

	if (fseeko(mbox->file, here + length, SEEK_SET) == 0) {
		n = fread(next, 1, sizeof(next) - 1, mbox->file);
		next[n] = '\0';
		at += next[0] == '\r' && next[1] == '\n' ? 2 : next[0] == '\n' ? 1 : 0;
		/* A message of an export that ends in mid-line. */
		at += mbox->marked > 0 && at[0] == '\n';
		right = !ferror(mbox->file) &&
			((size_t)(at - next) == n || is_separator(at, strcspn(at, "\n"), &date));
	}
	clearerr(mbox->file);
	return fseeko(mbox->file, here, SEEK_SET) == 0 && right;
}

/* Reads so many bytes behind what there is, if what follows then is right. */
static int bytes_take(struct mbox *mbox, uint64_t length)
{
	struct stat stat;

	if (fstat(fileno(mbox->file), &stat) != 0 ||
	    length + mbox->message.len > STORE_MESSAGE_BYTES_MAX ||
	    ftello(mbox->file) + (off_t)length > stat.st_size || !length_leads(mbox, (off_t)length))
		return 0;
	if (!buffer_reserve(&mbox->message, length))
		return -ENOMEM;
	if (fread(mbox->message.bytes + mbox->message.len, 1, length, mbox->file) != length)
		return -EIO;
	for (size_t i = 0; i < length; i++)
		mbox->line_number += mbox->message.bytes[mbox->message.len + i] == '\n';
	mbox->message.len += length;
	mbox->counted = true;
	mbox->sink->done += length;
	return 0;
}

/* The number a value begins with. False: none, or something else than space follows it. */
static bool length_read(struct span value, uint64_t *length_r)
{
	size_t i = 0;

	*length_r = 0;
	while (i < value.len && (value.ptr[i] == ' ' || value.ptr[i] == '\t'))
		i++;
	for (; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9' &&
	       *length_r < STORE_MESSAGE_BYTES_MAX;
	     i++)
		*length_r = *length_r * 10 + (value.ptr[i] - '0');
	return i > 0 && value.ptr[i - 1] > ' ' && (i == value.len || value.ptr[i] <= ' ');
}

static int body_take(struct mbox *mbox)
{
	struct span value;
	uint64_t length;

	if (!field_find(buffer_span(&mbox->message), "content-length", &value) ||
	    !length_read(value, &length) || length == 0)
		return 0;
	return bytes_take(mbox, length);
}

/* Whether all that stands before our field is what an export puts there. */
static bool fields_ours(struct span fields)
{
	static const char *const names[] = {
		"X-IMAPbase: ", "X-UID: ", "Status: ", "X-Status: ", "X-Keywords:"};

	while (fields.len > 0) {
		const uint8_t *lf = memchr(fields.ptr, '\n', fields.len);
		bool ours = false;

		for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			ours |= span_eq(span_cut(fields, 0, strlen(names[k])), span_of(names[k]));
		if (!ours || lf == NULL)
			return false;
		fields = span_cut(fields, (size_t)(lf - fields.ptr) + 1, fields.len);
	}
	return true;
}

/* Behind our field lies the message, as it is. A length that leads nowhere says that another
 * program has changed the file: then all is read as any mbox. */
static int marked_find(struct mbox *mbox, struct span before, struct span line)
{
	struct span value = span_cut(line, sizeof(EXTRAS_FIELD) - 1, line.len);
	uint64_t length;
	int status;

	if (!span_eq(span_cut(line, 0, sizeof(EXTRAS_FIELD) - 1), span_of(EXTRAS_FIELD)) ||
	    !fields_ours(before) || !length_read(value, &length))
		return 0;
	extras_read(value, &mbox->extras);
	mbox->marked = mbox->message.len;
	status = bytes_take(mbox, length);
	if (status == 0 && mbox->counted)
		mbox->in_header = false;
	else
		mbox->marked = 0;
	return status;
}

/* --- Lines --- */

static int line_append(struct mbox *mbox, const char *line, size_t len)
{
	size_t quotes = strspn(line, ">");

	if (mbox->options->mboxrd && !mbox->in_header && quotes > 0 &&
	    strncmp(line + quotes, "From ", 5) == 0) {
		line++;
		len--;
	}
	if (mbox->message.len + len > STORE_MESSAGE_BYTES_MAX) {
		mbox->too_long = true;
		mbox->message.len = 0;
	}
	return mbox->too_long || buffer_append(&mbox->message, line, len) ? 0 : -ENOMEM;
}

static int line_take(struct mbox *mbox, const char *line, size_t len)
{
	bool may_separate = !mbox->open || mbox->blank || mbox->counted;
	struct store_date date;
	size_t before;
	int status = 0;

	if (may_separate && is_separator(line, len, &date)) {
		status = message_end(mbox);
		message_begin(mbox, date);
		mbox->blank = false;
		return status;
	}
	mbox->blank = is_blank(line, len);
	mbox->separable = !mbox->in_header;
	if (!mbox->open)
		return mbox->blank ? 0 : -EINVAL;
	if (mbox->counted) {
		if (mbox->blank)
			return 0;
		mbox->counted = false;
	}
	before = mbox->message.len;
	status = line_append(mbox, line, len);
	if (status == 0 && mbox->in_header && !mbox->too_long)
		status = marked_find(mbox, span_cut(buffer_span(&mbox->message), 0, before),
				     (struct span){(const uint8_t *)line, len});
	if (status == 0 && mbox->in_header && mbox->blank) {
		mbox->in_header = false;
		status = body_take(mbox);
	}
	return status;
}

static int file_read(struct mbox *mbox)
{
	ssize_t len;
	int status = 0;

	errno = 0;
	while (status == 0 && (len = getline(&mbox->line, &mbox->line_room, mbox->file)) >= 0) {
		mbox->line_number++;
		mbox->sink->done += (uint64_t)len;
		status = line_take(mbox, mbox->line, (size_t)len);
		errno = 0;
	}
	if (status == 0 && ferror(mbox->file))
		status = errno != 0 ? -errno : -EIO;
	/* What came before an error is a message cut short: it is not taken for whole. */
	return status == 0 ? message_end(mbox) : status;
}

static int file_walk(const char *path, struct span name, const struct source_options *options,
		     struct source_sink *sink, const uint32_t *attributes)
{
	struct mbox mbox = {.sink = sink, .options = options, .path = path};
	int status = 0;

	mbox.file = fopen(path, "re");
	if (mbox.file == NULL) {
		sink->skipped(sink, path, strerror(errno));
		return 0;
	}
	if (attributes != NULL)
		status = sink->mailbox(sink, name, *attributes);
	if (status == 0)
		status = file_read(&mbox);
	if (status == -EINVAL && mbox.message_line == 0) {
		sink->skipped(sink, path, "it does not begin with a line \"From SENDER DATE\"");
		status = 0;
	} else if (status < 0 && status != -ENOMEM && ferror(mbox.file)) {
		char place[512];

		snprintf(place, sizeof(place), "%.400s:%lu and after", path, mbox.message_line);
		sink->skipped(sink, place, strerror(-status));
		status = 0;
	}
	fclose(mbox.file);
	free(mbox.line);
	buffer_free(&mbox.message);
	return status;
}

/* --- Directories: a file is a mailbox; Thunderbird's NAME.sbd holds what hangs under NAME --- */

struct walk {
	const struct source_options *options;
	struct source_sink *sink;
	bool count_only;
	struct folders table; /* of an export, else empty */
	size_t root_bytes;    /* of the path of the whole */
};

/* One file, with the name and the attributes the table of an export gives it, if it does. */
static int listed_walk(struct walk *walk, const char *path, struct span name)
{
	const struct folders_line *line =
		folders_find(&walk->table, span_of(path + walk->root_bytes + 1));
	uint32_t attributes = STORE_SUBSCRIBED;

	if (line != NULL) {
		name = line->name;
		attributes = line->attributes & ~(uint32_t)(STORE_NOSELECT | STORE_NONEXISTENT);
	}
	return file_walk(path, name, walk->options, walk->sink,
			 walk->options->flat ? NULL : &attributes);
}

static size_t suffix_bytes(const char *name, const char *suffix)
{
	size_t len = strlen(name), bytes = strlen(suffix);

	return len > bytes && strcmp(name + len - bytes, suffix) == 0 ? bytes : 0;
}

static int directory_walk(struct walk *walk, const char *path, struct span name, unsigned depth);

static int child_walk(struct walk *walk, const char *path, struct span parent, const char *entry,
		      unsigned depth)
{
	struct span level = span_of(entry);
	char *child = path_join(path, entry);
	bool directory = child != NULL && path_is_directory(child, false);
	struct buffer name = {0};
	struct stat stat_r;
	int status = 0;

	if (directory)
		level.len -= suffix_bytes(entry, ".sbd");
	if (child == NULL || !buffer_append(&name, parent.ptr, parent.len) ||
	    (parent.len > 0 && !buffer_append(&name, "/", 1)) || !level_append(&name, level))
		status = -ENOMEM;
	else if (directory)
		status = depth + 1 < STORE_DEPTH_MAX
				 ? directory_walk(walk, child, buffer_span(&name), depth + 1)
				 : 0;
	else if (suffix_bytes(entry, ".msf") > 0)
		status = 0; /* Thunderbird's index of the mbox beside it */
	else if (depth == 0 && strcmp(entry, FOLDERS_FILE) == 0)
		status = 0;
	else if (walk->count_only)
		walk->sink->total += stat(child, &stat_r) == 0 ? (uint64_t)stat_r.st_size : 0;
	else
		status = listed_walk(walk, child, buffer_span(&name));
	buffer_free(&name);
	free(child);
	return status;
}

static int directory_walk(struct walk *walk, const char *path, struct span name, unsigned depth)
{
	struct listing listing;
	int status = listing_read(path, false, &listing);

	if (status != 0 && status != -ENOMEM && depth > 0) {
		if (!walk->count_only)
			walk->sink->skipped(walk->sink, path, strerror(-status));
		return 0;
	}
	for (size_t k = 0; k < listing.n && status == 0; k++)
		status = child_walk(walk, path, name, listing.names[k], depth);
	listing_free(&listing);
	return status;
}

static int root_walk(struct walk *walk, const char *path)
{
	struct span root = {NULL, 0};
	int status = folders_load(&walk->table, path);

	walk->root_bytes = strlen(path);
	if (status != 0 && status != -ENOMEM) {
		walk->sink->noted(walk->sink, path,
				  "its " FOLDERS_FILE
				  " cannot be read: mailboxes are named as they lie");
		status = 0;
	}
	walk->count_only = true;
	if (status == 0)
		status = directory_walk(walk, path, root, 0);
	walk->count_only = false;
	if (status == 0 && walk->options->flat)
		status = walk->sink->mailbox(walk->sink, root, STORE_SUBSCRIBED);
	if (status == 0)
		status = directory_walk(walk, path, root, 0);
	if (status == 0 && !walk->options->flat)
		status = folders_rest(&walk->table, walk->sink);
	folders_free(&walk->table);
	return status;
}

int source_mbox(const char *path, const struct source_options *options, struct source_sink *sink)
{
	static const uint32_t subscribed = STORE_SUBSCRIBED;
	struct walk walk = {.options = options, .sink = sink};
	struct stat stat_r;

	sink->unit = "bytes";
	if (stat(path, &stat_r) != 0)
		return -errno;
	if (S_ISDIR(stat_r.st_mode))
		return root_walk(&walk, path);
	sink->total = (uint64_t)stat_r.st_size;
	return file_walk(path, (struct span){NULL, 0}, options, sink, &subscribed);
}
