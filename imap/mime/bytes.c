/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_free(struct bytes *bytes)
{
	free(bytes->ptr);
	*bytes = (struct bytes){0};
}

bool bytes_reserve(struct bytes *bytes, size_t more)
{
	size_t room = bytes->room;
	uint8_t *grown;

	if (bytes->failed)
		return false;
	if (bytes->room - bytes->len >= more)
		return true;
	room = room < 256 ? 256 : room;
	while (room - bytes->len < more)
		room *= 2;
	grown = realloc(bytes->ptr, room);
	if (grown == NULL) {
		bytes->failed = true;
		return false;
	}
	bytes->ptr = grown;
	bytes->room = room;
	return true;
}

void bytes_add(struct bytes *bytes, const void *ptr, size_t len)
{
	if (len == 0 || !bytes_reserve(bytes, len))
		return;
	memcpy(bytes->ptr + bytes->len, ptr, len);
	bytes->len += len;
}

void bytes_add_text(struct bytes *bytes, const char *text)
{
	bytes_add(bytes, text, strlen(text));
}

void bytes_add_number(struct bytes *bytes, uint64_t number)
{
	uint8_t digits[20];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	bytes_add(bytes, digits + at, sizeof(digits) - at);
}

void bytes_add_clean(struct bytes *bytes, const uint8_t *ptr, size_t len)
{
	const uint8_t *nul;

	while (len > 0 && (nul = memchr(ptr, 0, len)) != NULL) {
		bytes_add(bytes, ptr, (size_t)(nul - ptr));
		bytes_add(bytes, "\xef\xbf\xbd", 3);
		len -= (size_t)(nul + 1 - ptr);
		ptr = nul + 1;
	}
	bytes_add(bytes, ptr, len);
}
