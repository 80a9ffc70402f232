/* SPDX-License-Identifier: Apache-2.0 */
#include "dovecot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* --- Words and numbers --- */

/* Takes the line off the text, without its end. False: the text is at its end. */
static bool line_take(struct span *text, struct span *line_r, bool *whole_r)
{
	const uint8_t *end;
	size_t len;

	if (text->len == 0)
		return false;
	end = memchr(text->ptr, '\n', text->len);
	len = end != NULL ? (size_t)(end - text->ptr) : text->len;
	*whole_r = end != NULL;
	*line_r = span_cut(*text, 0, len);
	*text = span_cut(*text, end != NULL ? len + 1 : len, text->len);
	return true;
}

/* The word up to the next space, which is taken as well. Empty at the end. */
static struct span word_take(struct span *line)
{
	const uint8_t *end = line->len > 0 ? memchr(line->ptr, ' ', line->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - line->ptr) : line->len;
	struct span word = span_cut(*line, 0, len);

	*line = span_cut(*line, end != NULL ? len + 1 : len, line->len);
	return word;
}

/* Digits only, and what they say fits. */
static bool number_read(struct span word, uint32_t *number_r)
{
	uint64_t number = 0;

	if (word.len == 0 || word.len > 10)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
		number = number * 10 + (word.ptr[i] - '0');
	}
	*number_r = (uint32_t)number;
	return number <= UINT32_MAX;
}

static int nibble(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool guid_read(struct span word, uint8_t guid_r[16])
{
	if (word.len != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int high = nibble(word.ptr[2 * i]), low = nibble(word.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		guid_r[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* --- dovecot-uidlist --- */

static const char *header_field(struct dovecot_uidlist *list, struct span word)
{
	struct span value = span_cut(word, 1, word.len);

	if (word.ptr[0] == 'V' && !number_read(value, &list->uidvalidity))
		return "V is not followed by a UIDVALIDITY";
	if (word.ptr[0] == 'N' && (!number_read(value, &list->uidnext) || list->uidnext == 0))
		return "N is not followed by a UID";
	if (word.ptr[0] == 'G') {
		list->identified = guid_read(value, list->guid);
		if (!list->identified)
			return "G is not followed by a GUID of 32 hexadecimal digits";
	}
	return NULL;
}

static const char *header_read(struct dovecot_uidlist *list, struct span line, uint32_t *version_r)
{
	const char *why = NULL;

	if (!number_read(word_take(&line), version_r) || (*version_r != 1 && *version_r != 3))
		return "it does not begin with version 1 or 3";
	if (*version_r == 1) {
		if (!number_read(word_take(&line), &list->uidvalidity) ||
		    !number_read(word_take(&line), &list->uidnext) || line.len > 0)
			why = "the version is not followed by UIDVALIDITY and next UID";
	} else {
		while (line.len > 0 && why == NULL) {
			struct span word = word_take(&line);

			if (word.len > 0)
				why = header_field(list, word);
		}
	}
	if (why == NULL && list->uidvalidity == 0)
		why = "there is no UIDVALIDITY, or it is 0";
	return why;
}

/* Dovecot remembers the flags the file had last; they may have changed since. */
static struct span name_cut(struct span name)
{
	const uint8_t *colon = name.len > 0 ? memchr(name.ptr, ':', name.len) : NULL;

	return colon != NULL ? span_cut(name, 0, (size_t)(colon - name.ptr)) : name;
}

/* Which file a line is about: what follows the first word that begins with a colon. */
static const char *file_read(struct span line, uint32_t version, struct dovecot_uid *file_r)
{
	if (!number_read(word_take(&line), &file_r->uid))
		return "the line does not begin with a UID";
	if (version == 3) {
		while (line.len > 0 && line.ptr[0] != ':')
			word_take(&line);
		if (line.len == 0)
			return "no \" :\" comes before the file's name";
		line = span_cut(line, 1, line.len);
	}
	file_r->name = name_cut(line);
	return file_r->name.len == 0 ? "the file's name is empty" : NULL;
}

static int file_add(struct dovecot_uidlist *list, const struct dovecot_uid *file)
{
	if (list->n == list->room) {
		size_t room = list->room == 0 ? 256 : list->room * 2;
		struct dovecot_uid *larger = realloc(list->files, room * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		list->files = larger;
		list->room = room;
	}
	list->files[list->n++] = *file;
	return 0;
}

static int name_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Lines rise by UID, so of two with one name the earlier in the list comes first. */
static int by_name(const void *a, const void *b)
{
	const struct dovecot_uid *x = a, *y = b;
	int order = name_compare(x->name, y->name);

	return order != 0 ? order : (x->uid > y->uid) - (x->uid < y->uid);
}

static bool twice(struct dovecot_uidlist *list)
{
	if (list->n > 0)
		qsort(list->files, list->n, sizeof(*list->files), by_name);
	for (size_t k = 1; k < list->n; k++)
		if (name_compare(list->files[k - 1].name, list->files[k].name) == 0)
			return true;
	return false;
}

static int files_read(struct dovecot_uidlist *list, struct span text, uint32_t version,
		      struct dovecot_fault *fault)
{
	uint32_t previous = 0;
	struct span line;
	bool whole;

	while (line_take(&text, &line, &whole)) {
		struct dovecot_uid file;

		fault->line++;
		if (!whole) {
			fault->why = "the last line has no end and is left out";
			break;
		}
		fault->why = file_read(line, version, &file);
		if (fault->why == NULL && file.uid <= previous)
			fault->why = "the UID is not above that of the line before";
		if (fault->why == NULL && file.uid == UINT32_MAX)
			fault->why = "no UID can follow this one";
		if (fault->why != NULL)
			return -EBADMSG;
		previous = file.uid;
		if (file_add(list, &file) != 0)
			return -ENOMEM;
	}
	/* The header is written once, and lines are appended after that. */
	if (list->uidnext <= previous)
		list->uidnext = previous + 1;
	return 0;
}

int dovecot_uidlist_read(struct span text, struct dovecot_uidlist *list_r,
			 struct dovecot_fault *fault_r)
{
	struct span line;
	uint32_t version;
	bool whole;
	int status;

	*list_r = (struct dovecot_uidlist){0};
	*fault_r = (struct dovecot_fault){.line = 1};
	if (!line_take(&text, &line, &whole) || !whole)
		fault_r->why = "its first line is missing or has no end";
	else
		fault_r->why = header_read(list_r, line, &version);
	if (fault_r->why != NULL)
		return -EBADMSG;
	status = files_read(list_r, text, version, fault_r);
	if (status == 0 && twice(list_r)) {
		fault_r->why = "a file has two UIDs";
		status = -EBADMSG;
	}
	return status;
}

uint32_t dovecot_uidlist_find(const struct dovecot_uidlist *list, struct span name)
{
	size_t low = 0, high = list->n;

	name = name_cut(name);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(list->files[middle].name, name);

		if (order == 0)
			return list->files[middle].uid;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

void dovecot_uidlist_free(struct dovecot_uidlist *list)
{
	free(list->files);
	*list = (struct dovecot_uidlist){0};
}

/* --- dovecot-keywords --- */

void dovecot_keywords_read(struct span text, struct dovecot_keywords *keywords_r,
			   struct dovecot_fault *fault_r)
{
	unsigned long at = 0;
	struct span line;
	bool whole;

	*keywords_r = (struct dovecot_keywords){0};
	*fault_r = (struct dovecot_fault){0};
	while (line_take(&text, &line, &whole)) {
		const char *why = NULL;
		uint32_t letter;

		at++;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			continue;
		if (!number_read(word_take(&line), &letter))
			why = "the line does not begin with a number";
		else if (line.len == 0 || line.len > STORE_KEYWORD_BYTES_MAX)
			why = "the keyword's name is not of 1 to 50 bytes";
		else if (letter < DOVECOT_LETTERS && keywords_r->names[letter].len > 0)
			why = "the number has a keyword already";
		else if (letter < DOVECOT_LETTERS)
			keywords_r->names[letter] = line;
		if (why != NULL && fault_r->why == NULL)
			*fault_r = (struct dovecot_fault){at, why};
	}
}
