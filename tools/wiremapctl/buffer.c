/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t room = buffer->room < 4096 ? 4096 : buffer->room;
	void *larger;

	if (more <= buffer->room - buffer->len)
		return true;
	while (room - buffer->len < more)
		room *= 2;
	larger = realloc(buffer->bytes, room);
	if (larger == NULL)
		return false;
	buffer->bytes = larger;
	buffer->room = room;
	return true;
}

bool buffer_append(struct buffer *buffer, const void *bytes, size_t len)
{
	if (!buffer_reserve(buffer, len))
		return false;
	if (len > 0)
		memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
	return true;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

bool buffer_crlf(struct buffer *buffer, struct span text)
{
	const uint8_t *at = text.ptr, *end = text.ptr + text.len;

	buffer->len = 0;
	while (at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *stop = lf != NULL ? lf : end;
		bool bare = lf != NULL && (lf == text.ptr || lf[-1] != '\r');

		if (!buffer_append(buffer, at, (size_t)(stop - at)) ||
		    (lf != NULL && !buffer_append(buffer, bare ? "\r\n" : "\n", bare ? 2 : 1)))
			return false;
		at = lf != NULL ? lf + 1 : end;
	}
	return true;
}

int buffer_read(struct buffer *buffer, const char *path, size_t max, int64_t *changed_s_r)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo must not hold us */
	struct stat stat;
	ssize_t n;
	int status = 0;

	buffer->len = 0;
	if (file < 0)
		return -errno;
	if (fstat(file, &stat) != 0)
		status = -errno;
	else if (!S_ISREG(stat.st_mode))
		status = -EINVAL;
	else if ((uint64_t)stat.st_size > max)
		status = -EFBIG;
	if (status == 0)
		*changed_s_r = stat.st_mtime;
	while (status == 0) {
		if (!buffer_reserve(buffer, 1 << 16)) {
			status = -ENOMEM;
			break;
		}
		n = read(file, buffer->bytes + buffer->len, buffer->room - buffer->len);
		if (n < 0 && errno != EINTR)
			status = -errno;
		if (n == 0)
			break;
		if (n > 0)
			buffer->len += (size_t)n;
		if (buffer->len > max)
			status = -EFBIG;
	}
	close(file);
	return status;
}
