/* SPDX-License-Identifier: Apache-2.0 */
#include "mime.h"

#include "format.h"
#include "name.h"

/* Names the program does not know, sorted; the known ones are bits. */
struct mime_fieldset {
	uint64_t ids;	  /* known names; never bit 0 */
	uint64_t buckets; /* of the others */
	uint32_t name_count;
	bool negated;
	struct span names[]; /* in lower case; their bytes follow */
};

enum { CURSOR_END = UINT32_MAX };

size_t mime_fieldset_bytes(unsigned n, size_t names_bytes)
{
	return sizeof(struct mime_fieldset) + n * sizeof(struct span) + names_bytes;
}

static int names_compare(struct span a, struct span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

static void heap_sink(struct span *names, uint32_t at, uint32_t count)
{
	struct span sinking = names[at];
	uint32_t child;

	for (; (child = at * 2 + 1) < count; at = child) {
		if (child + 1 < count && names_compare(names[child], names[child + 1]) < 0)
			child++;
		if (names_compare(sinking, names[child]) >= 0)
			break;
		names[at] = names[child];
	}
	names[at] = sinking;
}

/* Heap sort: n log n whatever names a client chooses, and no memory of its own (qsort may ask
 * the system for some). */
static void names_sort(struct span *names, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		heap_sink(names, i, count);
	for (uint32_t last = count; last-- > 1;) {
		struct span largest = names[0];

		names[0] = names[last];
		names[last] = largest;
		heap_sink(names, 0, last);
	}
}

struct mime_fieldset *mime_fieldset_compile(void *memory, const struct span *names, unsigned n,
					    bool negated)
{
	struct mime_fieldset *set = memory;
	uint8_t *bytes = (uint8_t *)&set->names[n];

	*set = (struct mime_fieldset){.negated = negated};
	for (unsigned i = 0; i < n; i++) {
		enum name_id id = name_find(names[i]);

		if (id != NAME_UNKNOWN) {
			set->ids |= UINT64_C(1) << id;
			continue;
		}
		set->buckets |= UINT64_C(1) << name_bucket(names[i]);
		set->names[set->name_count++] = (struct span){bytes, names[i].len};
		for (size_t k = 0; k < names[i].len; k++)
			*bytes++ = span_lower(names[i].ptr[k]);
	}
	names_sort(set->names, set->name_count);
	return set;
}

static bool has_name(const struct mime_fieldset *set, struct span name)
{
	uint32_t low = 0, high = set->name_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = names_compare(set->names[middle], name);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool has_field(const struct mime_prep *prep, const struct mime_fieldset *set,
		      const struct format_field *field)
{
	bool found;

	if (field->id != NAME_UNKNOWN)
		found = (set->ids >> field->id & 1) != 0;
	else
		found = (set->buckets >> field->bucket & 1) != 0 && field->name_len > 0 &&
			has_name(set, (struct span){prep->blob.ptr + field->at, field->name_len});
	return found != set->negated;
}

/* The part of the table that holds a header's fields. */
struct range {
	uint32_t first, end;
};

static struct range range_of(const struct mime_prep *prep, const struct format_header *header,
			     uint32_t index)
{
	struct format_part part;

	if (index == MIME_PART_ROOT)
		return (struct range){0, header->root_field_count};
	if (!format_message_get(prep, header->parts_off, index, &part))
		return (struct range){0, 0};
	return (struct range){part.field_first, part.field_first + part.field_count};
}

/* The common case needs no walk: the set has, of all that is in this header, just the hot names,
 * whose lines stand together. */
static bool is_hot(const struct format_header *header, const struct mime_fieldset *set,
		   uint32_t index)
{
	bool has_others = (header->ids & 1) != 0 && set->name_count > 0;

	return index == MIME_PART_ROOT && !set->negated && !has_others && header->hot_ids != 0 &&
	       (header->ids & set->ids) == header->hot_ids;
}

static struct mime_field_run run_start(const struct mime_prep *prep,
				       const struct format_field *field)
{
	struct mime_field_run run = {.extent = {field->off, field->len}};

	if (field->id != NAME_UNKNOWN && field->at != FORMAT_NOT_COPIED)
		run.copy = (struct span){prep->blob.ptr + field->at, field->len};
	return run;
}

/* Makes `next` part of `run` if it follows it where the run's bytes are. */
static bool run_extend(struct mime_field_run *run, const struct mime_field_run *next)
{
	if (run->copy.ptr != NULL) {
		if (next->copy.ptr != run->copy.ptr + run->copy.len)
			return false;
		run->copy.len += next->copy.len;
		return true;
	}
	if (next->copy.ptr != NULL || next->extent.off != run->extent.off + run->extent.len)
		return false;
	run->extent.len += next->extent.len;
	return true;
}

bool mime_fields_next(const struct mime_prep *prep, uint32_t index, const struct mime_fieldset *set,
		      uint32_t *cursor, struct mime_field_run *run_r)
{
	struct format_header header = format_header_get(prep);
	struct range range;
	bool started = false;
	uint32_t i;

	if (*cursor == CURSOR_END)
		return false;
	if (*cursor == 0 && is_hot(&header, set, index)) {
		*cursor = CURSOR_END;
		*run_r = (struct mime_field_run){
			.copy = {prep->blob.ptr + header.hot.off, header.hot.len},
		};
		return true;
	}
	range = range_of(prep, &header, index);
	for (i = range.first + *cursor; i < range.end; i++) {
		struct format_field field = format_field_get(prep, header.fields_off, i);
		struct mime_field_run run;

		if (!has_field(prep, set, &field))
			continue;
		run = run_start(prep, &field);
		if (!started)
			*run_r = run;
		else if (!run_extend(run_r, &run))
			break;
		started = true;
	}
	*cursor = i < range.end ? i - range.first : CURSOR_END;
	return started;
}

uint64_t mime_fields_size(const struct mime_prep *prep, uint32_t index,
			  const struct mime_fieldset *set)
{
	struct format_header header = format_header_get(prep);
	struct range range;
	uint64_t size = 0;

	if (is_hot(&header, set, index))
		return header.hot.len;
	range = range_of(prep, &header, index);
	for (uint32_t i = range.first; i < range.end; i++) {
		struct format_field field = format_field_get(prep, header.fields_off, i);

		if (has_field(prep, set, &field))
			size += field.len;
	}
	return size;
}
