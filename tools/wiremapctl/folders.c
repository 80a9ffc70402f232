/* SPDX-License-Identifier: Apache-2.0 */
#include "folders.h"

#include <errno.h>
#include <stdlib.h>

#include "listing.h"

enum { FOLDERS_BYTES_MAX = 1 << 28 };

static const char first_line[] = FOLDERS_FILE " 1\n";

static const struct {
	uint32_t bit;
	const char *word;
} attributes[] = {
	{STORE_SUBSCRIBED, "subscribed"},   {STORE_NOSELECT, "noselect"},
	{STORE_NONEXISTENT, "nonexistent"}, {STORE_USE_ALL, "all"},
	{STORE_USE_ARCHIVE, "archive"},	    {STORE_USE_DRAFTS, "drafts"},
	{STORE_USE_FLAGGED, "flagged"},	    {STORE_USE_JUNK, "junk"},
	{STORE_USE_SENT, "sent"},	    {STORE_USE_TRASH, "trash"},
};

enum { ATTRIBUTES_N = sizeof(attributes) / sizeof(attributes[0]) };

bool folders_begin(struct folders *folders)
{
	*folders = (struct folders){0};
	return buffer_append(&folders->text, first_line, sizeof(first_line) - 1);
}

bool folders_append(struct folders *folders, const struct folders_line *line)
{
	struct buffer *text = &folders->text;
	const char *mark = "\t";

	if (!buffer_append(text, line->place.ptr, line->place.len))
		return false;
	for (unsigned k = 0; k < ATTRIBUTES_N; k++) {
		if ((line->attributes & attributes[k].bit) == 0)
			continue;
		if (!buffer_append(text, mark, 1) ||
		    !buffer_append(text, attributes[k].word, strlen(attributes[k].word)))
			return false;
		mark = ",";
	}
	return (*mark == ',' || buffer_append(text, "\t-", 2)) && buffer_append(text, "\t", 1) &&
	       buffer_append(text, line->name.ptr, line->name.len) && buffer_append(text, "\n", 1);
}

/* What stands before the mark, which is taken as well. */
static struct span part_take(struct span *text, char mark)
{
	const uint8_t *end = text->len > 0 ? memchr(text->ptr, mark, text->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - text->ptr) : text->len;
	struct span part = span_cut(*text, 0, len);

	*text = span_cut(*text, end != NULL ? len + 1 : len, text->len);
	return part;
}

static uint32_t attributes_read(struct span words)
{
	uint32_t bits = 0;

	while (words.len > 0) {
		struct span word = part_take(&words, ',');

		for (unsigned k = 0; k < ATTRIBUTES_N; k++)
			if (span_eq(word, span_of(attributes[k].word)))
				bits |= attributes[k].bit;
	}
	return bits;
}

static int place_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_place(const void *a, const void *b)
{
	const struct folders_line *x = a, *y = b;

	return place_compare(x->place, y->place);
}

/* The next line that is whole. False: the text is at its end. */
static bool line_take(struct span *text, struct folders_line *line_r)
{
	while (text->len > 0) {
		struct span line = part_take(text, '\n');

		line_r->place = part_take(&line, '\t');
		line_r->attributes = attributes_read(part_take(&line, '\t'));
		line_r->name = line;
		if (line_r->place.len > 0 && line_r->name.len > 0)
			return true;
	}
	return false;
}

bool folders_written(const struct folders *folders, size_t *at, struct folders_line *line_r)
{
	struct span rest = span_cut(buffer_span(&folders->text), sizeof(first_line) - 1 + *at,
				    folders->text.len);
	size_t before = rest.len;
	bool found = line_take(&rest, line_r);

	*at += before - rest.len;
	return found;
}

static int lines_read(struct folders *folders, struct span text)
{
	struct folders_line one;

	while (line_take(&text, &one)) {
		if (folders->n == folders->room) {
			size_t room = folders->room == 0 ? 64 : folders->room * 2;
			void *larger = realloc(folders->lines, room * sizeof(one));

			if (larger == NULL)
				return -ENOMEM;
			folders->lines = larger;
			folders->room = room;
		}
		folders->lines[folders->n++] = one;
	}
	if (folders->n > 0)
		qsort(folders->lines, folders->n, sizeof(*folders->lines), by_place);
	return 0;
}

int folders_load(struct folders *folders_r, const char *root)
{
	char *path = path_join(root, FOLDERS_FILE);
	size_t head = sizeof(first_line) - 1;
	int64_t changed_s;
	int status = -ENOMEM;

	*folders_r = (struct folders){0};
	if (path != NULL)
		status = buffer_read(&folders_r->text, path, FOLDERS_BYTES_MAX, &changed_s);
	free(path);
	if (status == 0 &&
	    (folders_r->text.len < head || memcmp(folders_r->text.bytes, first_line, head) != 0))
		status = -EBADMSG;
	if (status == 0)
		status = lines_read(folders_r, span_cut(buffer_span(&folders_r->text), head,
							folders_r->text.len));
	return status == -ENOENT ? 0 : status;
}

const struct folders_line *folders_find(const struct folders *folders, struct span place)
{
	const struct folders_line wanted = {.place = place};

	return folders->n == 0 ? NULL
			       : bsearch(&wanted, folders->lines, folders->n,
					 sizeof(*folders->lines), by_place);
}

int folders_rest(const struct folders *folders, struct source_sink *sink)
{
	int status = 0;

	for (size_t k = 0; k < folders->n && status == 0; k++)
		if (span_eq(folders->lines[k].place, span_of("-")))
			status = sink->mailbox(sink, folders->lines[k].name,
					       folders->lines[k].attributes);
	return status;
}

void folders_free(struct folders *folders)
{
	buffer_free(&folders->text);
	free(folders->lines);
	*folders = (struct folders){0};
}
