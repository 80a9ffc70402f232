/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Maildir++ as Dovecot has it: INBOX at the root, `a/b` in `.a.b`, each with dovecot-uidlist and
 * dovecot-keywords. What no Maildir can say of a message is in `wiremap-messages` of its folder, a
 * line "FILE WORD ..." (extras.h), FILE up to the colon before its flags.
 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dovecot.h"
#include "extras.h"

enum { PLACE_BYTES_MAX = 240 }; /* what a file's name may have, and a bit for who moves it away */

static int levels_append(struct buffer *to, struct span name)
{
	int status = 0;

	while (name.len > 0 && status != -ENOMEM) {
		const uint8_t *end = memchr(name.ptr, STORE_SEPARATOR, name.len);
		size_t len = end != NULL ? (size_t)(end - name.ptr) : name.len;
		int level;

		if (!buffer_append(to, ".", 1))
			return -ENOMEM;
		level = export_level(to, span_cut(name, 0, len), '.');
		status = level != 0 ? level : status;
		name = span_cut(name, end != NULL ? len + 1 : len, name.len);
	}
	return status;
}

/* Names that no directory can have are in the table of folders. */
static int place(struct export *export, char **place_r)
{
	struct buffer path = {0};
	char placeholder[64];
	int status;

	if (span_eq(export->info.name, span_of("INBOX"))) {
		*place_r = strdup(".");
		return *place_r != NULL ? 0 : -ENOMEM;
	}
	status = levels_append(&path, export->info.name);
	if (status == -EINVAL || path.len > PLACE_BYTES_MAX) {
		snprintf(placeholder, sizeof(placeholder), ".%s%u", FOLDERS_PLACEHOLDER,
			 export->number);
		*place_r = strdup(placeholder);
		status = *place_r != NULL ? 0 : -ENOMEM;
	} else if (status == 0) {
		*place_r = buffer_append(&path, "", 1) ? strdup((const char *)path.bytes) : NULL;
		status = *place_r != NULL ? 0 : -ENOMEM;
	}
	buffer_free(&path);
	return status;
}

/* A file's path in the folder at hand. */
static void path_make(const struct export *export, const char *file, char path_r[512])
{
	snprintf(path_r, 512, "%s/%s", export->place, file);
}

static int begin(struct export *export)
{
	static const char *const parts[] = {"", "cur", "new", "tmp"};
	const struct store_mailbox_info *info = &export->info;
	bool root = strcmp(export->place, ".") == 0;
	char line[128], path[512];
	int n;

	for (unsigned k = root; k < 4; k++) {
		path_make(export, parts[k], path);
		if (mkdirat(export->target.directory, path, 0700) != 0)
			return -errno;
	}
	export->lists.len = export->extras.len = 0;
	n = snprintf(line, sizeof(line), "3 V%u N%u G", info->uidvalidity, info->uidnext);
	for (unsigned k = 0; k < 16; k++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", info->mailboxid[k]);
	line[n++] = '\n';
	if (!buffer_append(&export->lists, line, (size_t)n))
		return -ENOMEM;
	if (root)
		return 0;
	path_make(export, "maildirfolder", path);
	return target_file(&export->target, path, (struct span){NULL, 0}, NULL);
}

/* Letters in the order of ASCII, as Maildir has it; what has none becomes a word. */
static void flags_make(const struct export *export, char letters_r[40], struct extras *extras)
{
	static const struct {
		uint32_t bit;
		char letter;
	} system[] = {{STORE_DRAFT, 'D'},
		      {STORE_FLAGGED, 'F'},
		      {STORE_ANSWERED, 'R'},
		      {STORE_SEEN, 'S'},
		      {STORE_DELETED, 'T'}};
	unsigned keywords = store_view_keyword_count(export->view);
	struct store_flags flags;

	store_view_flags(export->view, export->index, &flags);
	for (unsigned k = 0; k < 5; k++)
		if ((flags.system & system[k].bit) != 0)
			*letters_r++ = system[k].letter;
	for (unsigned k = 0; k < keywords; k++) {
		if ((flags.keywords[k / 64] >> (k % 64) & 1) == 0)
			continue;
		if (k < DOVECOT_LETTERS)
			*letters_r++ = (char)('a' + k);
		else
			extras->keywords[extras->keywords_n++] =
				store_view_keyword(export->view, k);
	}
	*letters_r = '\0';
}

static size_t line_ends(struct span bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes.len; i++)
		n += bytes.ptr[i] == '\n' && (i == 0 || bytes.ptr[i - 1] != '\r');
	return n;
}

static int lists_add(struct export *export, const char *file, const struct extras *extras)
{
	char line[320];
	int n = snprintf(line, sizeof(line), "%u :%s\n",
			 store_view_uid(export->view, export->index), file);

	if (!buffer_append(&export->lists, line, (size_t)n))
		return -ENOMEM;
	if (!extras->dated && !extras->zoned && !extras->verbatim && extras->keywords_n == 0)
		return 0;
	return buffer_append(&export->extras, file, strlen(file)) &&
			       extras_append(&export->extras, extras) &&
			       buffer_append(&export->extras, "\n", 1)
		       ? 0
		       : -ENOMEM;
}

static int message(struct export *export)
{
	struct store_date date = store_view_date(export->view, export->index);
	struct extras extras = {.date = date, .zoned = date.zone_min != 0};
	char file[256], named[320], path[1024], letters[40];
	struct span bytes;
	int status;

	flags_make(export, letters, &extras);
	if (!extras_lines(export->message, &export->lines, &bytes, &extras.verbatim))
		return -ENOMEM;
	snprintf(file, sizeof(file), "%" PRId64 ".U%u.wiremap,S=%zu,W=%zu",
		 date.utc_s > 0 ? date.utc_s : 0, store_view_uid(export->view, export->index),
		 bytes.len, bytes.len + line_ends(bytes));
	snprintf(named, sizeof(named), "cur/%s:2,%s", file, letters);
	snprintf(path, sizeof(path), "%s/%s", export->place, named);
	status = target_file(&export->target, path, bytes, &date.utc_s);
	if (status == -ERANGE) {
		extras.dated = true;
		status = 0;
	}
	return status != 0 ? status : lists_add(export, file, &extras);
}

static int keywords_write(struct export *export)
{
	unsigned keywords = store_view_keyword_count(export->view);
	char path[512], line[80];

	export->text.len = 0;
	for (unsigned k = 0; k < keywords && k < DOVECOT_LETTERS; k++) {
		struct span name = store_view_keyword(export->view, k);
		int n = snprintf(line, sizeof(line), "%u %.*s\n", k, (int)name.len,
				 (const char *)name.ptr);

		if (name.len > 0 && !buffer_append(&export->text, line, (size_t)n))
			return -ENOMEM;
	}
	path_make(export, "dovecot-keywords", path);
	return export->text.len == 0
		       ? 0
		       : target_file(&export->target, path, buffer_span(&export->text), NULL);
}

static int end(struct export *export)
{
	char path[512];
	int status;

	path_make(export, "dovecot-uidlist", path);
	status = target_file(&export->target, path, buffer_span(&export->lists), NULL);
	if (status == 0)
		status = keywords_write(export);
	path_make(export, EXTRAS_FILE, path);
	if (status == 0 && export->extras.len > 0)
		status = target_file(&export->target, path, buffer_span(&export->extras), NULL);
	return status;
}

/* Names as Dovecot has them in this file: of the folder, without its first dot. */
static int finish(struct export *export)
{
	struct folders_line line;
	size_t at = 0;

	export->text.len = 0;
	while (folders_written(&export->folders, &at, &line)) {
		struct span name = line.place;
		struct buffer encoded = {0};
		bool told;

		if ((line.attributes & STORE_SUBSCRIBED) == 0)
			continue;
		if (span_eq(name, span_of("."))) {
			name = span_of("-INBOX");
		} else if (span_eq(name, span_of("-"))) {
			if (levels_append(&encoded, line.name) != 0)
				encoded.len = 0;
			name = buffer_span(&encoded);
		}
		told = name.len == 0 || (buffer_append(&export->text, name.ptr + 1, name.len - 1) &&
					 buffer_append(&export->text, "\n", 1));
		buffer_free(&encoded);
		if (!told)
			return -ENOMEM;
	}
	return target_file(&export->target, "subscriptions", buffer_span(&export->text), NULL);
}

const struct export_form export_maildir_form = {
	.place = place,
	.begin = begin,
	.message = message,
	.end = end,
	.finish = finish,
};
