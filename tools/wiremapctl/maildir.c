/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dovecot.h"
#include "extras.h"
#include "folders.h"
#include "listing.h"

enum { LINE_BYTES_MAX = 4096, LIST_BYTES_MAX = 1 << 30 };

struct folder {
	char *path;
	struct buffer name; /* of the mailbox; empty: the root */
};

struct walk {
	const struct source_options *options;
	struct source_sink *sink;
	struct folder *folders;
	size_t folders_n, folders_room;
	struct buffer subscribed; /* names, each followed by NUL */
	bool subscriptions;	  /* there is such a file */
	struct buffer bytes;
	/* Of the folder at hand, and the bytes they borrow from. */
	struct buffer keywords_text, uidlist_text, extras_text;
	struct dovecot_keywords keywords;
	struct dovecot_uidlist uidlist;
	struct extras_list extras;
	struct folders table; /* of an export, else empty */
	size_t root_bytes;    /* of the path of the whole */
};

/* A message's file: "new/NAME" or "cur/NAME:2,FLAGS". */
struct entry {
	const char *file;
	uint32_t uid;	/* 0: none is known */
	size_t arrival; /* its place among all */
};

/* --- Which folders there are --- */

static bool has(const char *path, const char *name)
{
	char *inner = path_join(path, name);
	bool found = inner != NULL && path_is_directory(inner, true);

	free(inner);
	return found;
}

static bool is_maildir(const char *path)
{
	return has(path, "cur") || has(path, "new");
}

/* Takes over `path` and `name`, also when it fails. */
static int folder_add(struct walk *walk, char *path, struct buffer *name)
{
	if (walk->folders_n == walk->folders_room) {
		size_t room = walk->folders_room == 0 ? 16 : walk->folders_room * 2;
		struct folder *larger = realloc(walk->folders, room * sizeof(*larger));

		if (larger == NULL) {
			free(path);
			buffer_free(name);
			return -ENOMEM;
		}
		walk->folders = larger;
		walk->folders_room = room;
	}
	walk->folders[walk->folders_n++] = (struct folder){path, *name};
	*name = (struct buffer){0};
	return 0;
}

/* Levels of a folder's name, set apart by the separator. Empty levels are left out. */
static bool levels_append(struct buffer *name, struct span text, char separator)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, separator, text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		if (len > 0 && ((name->len > 0 && !buffer_append(name, "/", 1)) ||
				!level_append(name, span_cut(text, 0, len))))
			return false;
		text = span_cut(text, end != NULL ? len + 1 : len, text.len);
	}
	return true;
}

static int children_find(struct walk *walk, const char *path, struct span parent, unsigned depth);

static int child_find(struct walk *walk, const char *path, const char *entry, struct span parent,
		      unsigned depth)
{
	bool dotted = entry[0] == '.';
	char *child = path_join(path, entry);
	struct buffer name = {0};
	int status = 0;

	if (child == NULL)
		return -ENOMEM;
	if (!path_is_directory(child, dotted) || (dotted && !is_maildir(child))) {
		free(child);
		return 0;
	}
	if (!buffer_append(&name, parent.ptr, parent.len) ||
	    !levels_append(&name, span_of(dotted ? entry + 1 : entry),
			   dotted ? walk->options->separator : '/'))
		status = -ENOMEM;
	if (status == 0 && !dotted)
		status = children_find(walk, child, buffer_span(&name), depth + 1);
	if (status == 0 && is_maildir(child))
		return folder_add(walk, child, &name);
	free(child);
	buffer_free(&name);
	return status;
}

/* Maildir++ folders lie beside cur/ and begin with a dot; others lie in one another. */
static int children_find(struct walk *walk, const char *path, struct span parent, unsigned depth)
{
	struct listing listing;
	int status = listing_read(path, depth == 0, &listing);

	if (status == -ENOMEM || depth >= STORE_DEPTH_MAX)
		return status == -ENOMEM ? status : 0;
	if (status != 0) {
		walk->sink->skipped(walk->sink, path, strerror(-status));
		return 0;
	}
	for (size_t k = 0; k < listing.n && status == 0; k++)
		if (strcmp(listing.names[k], "cur") != 0 && strcmp(listing.names[k], "new") != 0 &&
		    strcmp(listing.names[k], "tmp") != 0)
			status = child_find(walk, path, listing.names[k], parent, depth);
	listing_free(&listing);
	return status;
}

/* --- Subscriptions: a file that Dovecot and Courier keep --- */

static int subscriptions_read(struct walk *walk, const char *path)
{
	char *file_path = path_join(path, "subscriptions"), line[LINE_BYTES_MAX];
	FILE *file = file_path != NULL ? fopen(file_path, "re") : NULL;
	char separator = walk->options->separator;
	struct buffer name = {0};
	int status = file_path == NULL ? -ENOMEM : 0;

	walk->subscriptions = file != NULL;
	while (status == 0 && file != NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strcmp(line, "V\t2") == 0) {
			separator = '\t';
			continue;
		}
		name.len = 0;
		if (!levels_append(&name, span_of(line), separator) ||
		    (name.len > 0 && (!buffer_append(&name, "", 1) ||
				      !buffer_append(&walk->subscribed, name.bytes, name.len))))
			status = -ENOMEM;
	}
	if (file != NULL)
		fclose(file);
	buffer_free(&name);
	free(file_path);
	return status;
}

static bool is_subscribed(const struct walk *walk, struct span name)
{
	if (!walk->subscriptions)
		return true;
	if (name.len == 0)
		name = span_of("INBOX");
	for (size_t at = 0; at < walk->subscribed.len;) {
		struct span one = span_of((const char *)walk->subscribed.bytes + at);

		if (span_eq(one, name))
			return true;
		at += one.len + 1;
	}
	return false;
}

/* Names that are subscribed and have no folder. */
static int subscriptions_rest(struct walk *walk)
{
	int status = 0;

	for (size_t at = 0; at < walk->subscribed.len && status == 0;) {
		struct span name = span_of((const char *)walk->subscribed.bytes + at);
		bool exists = span_eq_fold(name, span_of("INBOX"));

		for (size_t k = 0; k < walk->folders_n && !exists; k++)
			exists = span_eq(buffer_span(&walk->folders[k].name), name);
		if (!exists)
			status = walk->sink->mailbox(walk->sink, name,
						     STORE_SUBSCRIBED | STORE_NONEXISTENT);
		at += name.len + 1;
	}
	return status;
}

/* --- Messages --- */

/* A file of Dovecot's in the folder. False: it is not there, or cannot be read, which is told. */
static bool list_load(const struct walk *walk, const char *path, struct buffer *text)
{
	int64_t changed_s;
	int status = buffer_read(text, path, LIST_BYTES_MAX, &changed_s);

	if (status != 0 && status != -ENOENT)
		walk->sink->noted(walk->sink, path, strerror(-status));
	return status == 0;
}

static void fault_tell(const struct walk *walk, const char *path, const struct dovecot_fault *fault,
		       const char *consequence)
{
	char place[4200], why[200];

	snprintf(place, sizeof(place), "%s:%lu", path, fault->line);
	snprintf(why, sizeof(why), "%s%s", fault->why, consequence);
	walk->sink->noted(walk->sink, place, why);
}

static int keywords_load(struct walk *walk, const char *folder)
{
	char *path = path_join(folder, "dovecot-keywords");
	struct dovecot_fault fault = {0};

	walk->keywords = (struct dovecot_keywords){0};
	if (path == NULL)
		return -ENOMEM;
	if (list_load(walk, path, &walk->keywords_text))
		dovecot_keywords_read(buffer_span(&walk->keywords_text), &walk->keywords, &fault);
	if (fault.why != NULL)
		fault_tell(walk, path, &fault, ": such lines are passed over");
	free(path);
	return 0;
}

/* What an export of ours says beyond what a Maildir can. */
static int extras_load(struct walk *walk, const char *folder)
{
	char *path = path_join(folder, EXTRAS_FILE);
	int status = path != NULL ? 0 : -ENOMEM;

	extras_list_free(&walk->extras);
	if (path != NULL && list_load(walk, path, &walk->extras_text))
		status = extras_list_read(buffer_span(&walk->extras_text), &walk->extras);
	free(path);
	return status;
}

static void extras_take(const struct walk *walk, const char *file, struct source_message *message)
{
	struct extras extras;

	extras_read(extras_list_find(&walk->extras, span_of(file)), &extras);
	message->verbatim = extras.verbatim;
	message->date.zone_min = extras.date.zone_min;
	if (extras.dated)
		message->date.utc_s = extras.date.utc_s;
	for (unsigned k = 0; k < extras.keywords_n && message->keywords_n < SOURCE_KEYWORDS_MAX;
	     k++)
		message->keywords[message->keywords_n++] = extras.keywords[k];
}

/* A list that is wrong in one place may be wrong in all: then none of it counts, and the mail
 * comes with new UIDs, under a UIDVALIDITY that tells clients so. */
static int uidlist_load(struct walk *walk, const char *folder)
{
	char *path = path_join(folder, "dovecot-uidlist");
	struct store_identity identity;
	struct dovecot_fault fault;
	int status = 0;

	dovecot_uidlist_free(&walk->uidlist);
	if (path == NULL)
		return -ENOMEM;
	if (list_load(walk, path, &walk->uidlist_text)) {
		status = dovecot_uidlist_read(buffer_span(&walk->uidlist_text), &walk->uidlist,
					      &fault);
		if (status == -EBADMSG)
			fault_tell(walk, path, &fault, ": its mail gets new UIDs");
		else if (status == 0 && fault.why != NULL)
			fault_tell(walk, path, &fault, "");
		if (status != 0)
			dovecot_uidlist_free(&walk->uidlist);
		else {
			identity.uidvalidity = walk->uidlist.uidvalidity;
			identity.mailboxid = walk->uidlist.identified ? walk->uidlist.guid : NULL;
			status = walk->sink->identity(walk->sink, &identity, path);
		}
	}
	free(path);
	return status == -EBADMSG ? 0 : status;
}

static void flags_read(const struct walk *walk, const char *file, struct source_message *message)
{
	const char *info = strstr(file, ":2,");
	uint32_t bit;

	for (const char *letter = info != NULL ? info + 3 : ""; *letter != '\0'; letter++) {
		bit = *letter == 'S'   ? STORE_SEEN
		      : *letter == 'R' ? STORE_ANSWERED
		      : *letter == 'F' ? STORE_FLAGGED
		      : *letter == 'T' ? STORE_DELETED
		      : *letter == 'D' ? STORE_DRAFT
				       : 0;
		message->system |= bit;
		if (*letter == 'P' && message->keywords_n < SOURCE_KEYWORDS_MAX)
			message->keywords[message->keywords_n++] = span_of("$Forwarded");
		if (*letter >= 'a' && *letter <= 'z' &&
		    walk->keywords.names[*letter - 'a'].len > 0 &&
		    message->keywords_n < SOURCE_KEYWORDS_MAX - 1)
			message->keywords[message->keywords_n++] =
				walk->keywords.names[*letter - 'a'];
	}
}

/* A client that runs may have given the file other flags, or moved it from new to cur. Its path
 * now, or NULL. Caller frees. */
static char *file_find_again(const char *folder, const char *file)
{
	const char *base = strchr(file, '/') + 1;
	size_t len = strcspn(base, ":");
	struct listing listing = {0};
	char *path = NULL;

	char *cur = path_join(folder, "cur");

	if (cur != NULL)
		listing_add(&listing, cur, "cur/", false);
	for (size_t k = 0; k < listing.n && path == NULL; k++)
		if (strncmp(listing.names[k] + 4, base, len) == 0 &&
		    (listing.names[k][4 + len] == ':' || listing.names[k][4 + len] == '\0'))
			path = path_join(folder, listing.names[k]);
	listing_free(&listing);
	free(cur);
	return path;
}

static int message_read(struct walk *walk, const char *folder, const struct entry *entry)
{
	char *path = path_join(folder, entry->file);
	struct source_message message = {.dated = true, .uid = entry->uid};
	int status = -ENOMEM;

	if (path != NULL)
		status = buffer_read(&walk->bytes, path, STORE_MESSAGE_BYTES_MAX,
				     &message.date.utc_s);
	if (status == -ENOENT) {
		char *again = file_find_again(folder, entry->file);

		if (again != NULL) {
			free(path);
			path = again;
			status = buffer_read(&walk->bytes, path, STORE_MESSAGE_BYTES_MAX,
					     &message.date.utc_s);
		}
	}
	walk->sink->done++;
	if (status != 0 && status != -ENOMEM) {
		walk->sink->skipped(walk->sink, path, strerror(-status));
		status = 0;
	} else if (status == 0) {
		flags_read(walk, path + strlen(folder), &message);
		extras_take(walk, strrchr(path, '/') + 1, &message);
		message.bytes = buffer_span(&walk->bytes);
		message.place = path;
		status = walk->sink->message(walk->sink, &message);
	}
	free(path);
	return status;
}

/* Both halves of a folder, in the order of arrival. */
static int folder_list(const struct walk *walk, const struct folder *folder,
		       struct listing *listing_r)
{
	static const char *const halves[] = {"new", "cur"};
	int status = 0;

	*listing_r = (struct listing){0};
	for (unsigned k = 0; k < 2 && status == 0; k++) {
		char prefix[8], *path = path_join(folder->path, halves[k]);

		if (path == NULL)
			return -ENOMEM;
		snprintf(prefix, sizeof(prefix), "%s/", halves[k]);
		status = listing_add(listing_r, path, prefix, false);
		if (status != 0 && status != -ENOMEM) {
			walk->sink->skipped(walk->sink, path, strerror(-status));
			status = 0;
		}
		free(path);
	}
	listing_sort(listing_r);
	return status;
}

/* By UID; those without one last, in the order of arrival they had. */
static int by_uid(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid - 1 < y->uid - 1 ? -1 : 1; /* 0 is highest */
	return x->arrival < y->arrival ? -1 : 1;
}

static int entries_make(const struct walk *walk, const struct listing *listing,
			struct entry **entries_r)
{
	struct entry *entries = calloc(listing->n + 1, sizeof(*entries));
	bool again = false;

	*entries_r = entries;
	if (entries == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < listing->n; k++) {
		entries[k].file = listing->names[k];
		entries[k].arrival = k;
		entries[k].uid = dovecot_uidlist_find(&walk->uidlist,
						      span_of(strchr(listing->names[k], '/') + 1));
	}
	qsort(entries, listing->n, sizeof(*entries), by_uid);
	/* A file that lies both in new/ and in cur/ keeps its UID once. */
	for (size_t k = 1; k < listing->n; k++)
		if (entries[k].uid != 0 && entries[k].uid == entries[k - 1].uid) {
			entries[k].uid = 0;
			again = true;
		}
	if (again)
		qsort(entries, listing->n, sizeof(*entries), by_uid);
	return 0;
}

static int messages_walk(struct walk *walk, const struct folder *folder,
			 const struct listing *listing)
{
	struct entry *entries;
	int status = entries_make(walk, listing, &entries);
	bool listed = walk->uidlist.uidvalidity != 0;

	for (size_t k = 0; k <= listing->n && status == 0; k++) {
		if (listed && (k == listing->n || entries[k].uid == 0)) {
			status = walk->sink->uidnext(walk->sink, walk->uidlist.uidnext);
			listed = false;
		}
		if (k < listing->n && status == 0)
			status = message_read(walk, folder->path, &entries[k]);
	}
	free(entries);
	return status;
}

/* Its name and attributes from the table of an export, or from where it lies. */
static int folder_begin(struct walk *walk, const struct folder *folder)
{
	struct span name = buffer_span(&folder->name), place = span_of(".");
	uint32_t attributes = is_subscribed(walk, name) ? STORE_SUBSCRIBED : 0;
	const struct folders_line *line;

	if (name.len > 0)
		place = span_of(folder->path + walk->root_bytes + 1);
	line = folders_find(&walk->table, place);
	if (line == NULL)
		return walk->sink->mailbox(walk->sink, name, attributes);
	/* Subscriptions may have changed since, the rest cannot. */
	attributes |= line->attributes &
		      ~(uint32_t)(STORE_SUBSCRIBED | STORE_NOSELECT | STORE_NONEXISTENT);
	return walk->sink->mailbox(walk->sink, name.len > 0 ? line->name : name, attributes);
}

static int table_load(struct walk *walk, const char *path)
{
	int status = folders_load(&walk->table, path);

	walk->root_bytes = strlen(path);
	if (status == 0 || status == -ENOMEM)
		return status;
	walk->sink->noted(walk->sink, path,
			  "its " FOLDERS_FILE " cannot be read: folders are named as they lie");
	return 0;
}

static int folder_walk(struct walk *walk, const struct folder *folder)
{
	struct listing listing;
	int status = folder_list(walk, folder, &listing);

	if (status == 0)
		status = folder_begin(walk, folder);
	if (status == 0)
		status = keywords_load(walk, folder->path);
	if (status == 0)
		status = extras_load(walk, folder->path);
	if (status == 0)
		status = uidlist_load(walk, folder->path);
	if (status == 0)
		status = messages_walk(walk, folder, &listing);
	listing_free(&listing);
	return status;
}

static int tree_find(struct walk *walk, const char *path)
{
	struct buffer root = {0};
	char *copy;

	if (!path_is_directory(path, true))
		return -ENOTDIR;
	if (is_maildir(path)) {
		int status;

		copy = strdup(path);
		if (copy == NULL)
			return -ENOMEM;
		status = folder_add(walk, copy, &root);
		if (status != 0)
			return status;
	}
	return children_find(walk, path, (struct span){NULL, 0}, 0);
}

int source_maildir(const char *path, const struct source_options *options, struct source_sink *sink)
{
	struct walk walk = {.options = options, .sink = sink};
	int status = tree_find(&walk, path);

	sink->unit = "messages";
	if (status == 0)
		status = subscriptions_read(&walk, path);
	if (status == 0)
		status = table_load(&walk, path);
	if (status == 0 && walk.folders_n == 0)
		status = -ENOENT;
	for (size_t k = 0; k < walk.folders_n && status == 0; k++) {
		struct listing listing;

		status = folder_list(&walk, &walk.folders[k], &listing);
		sink->total += listing.n;
		listing_free(&listing);
	}
	for (size_t k = 0; k < walk.folders_n && status == 0; k++)
		status = folder_walk(&walk, &walk.folders[k]);
	if (status == 0)
		status = subscriptions_rest(&walk);
	if (status == 0)
		status = folders_rest(&walk.table, walk.sink);
	for (size_t k = 0; k < walk.folders_n; k++) {
		free(walk.folders[k].path);
		buffer_free(&walk.folders[k].name);
	}
	free(walk.folders);
	buffer_free(&walk.subscribed);
	buffer_free(&walk.bytes);
	buffer_free(&walk.keywords_text);
	buffer_free(&walk.uidlist_text);
	buffer_free(&walk.extras_text);
	dovecot_uidlist_free(&walk.uidlist);
	extras_list_free(&walk.extras);
	folders_free(&walk.table);
	return status;
}
