/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATTERN_BYTES = 1 << 20, PATTERN_FIRST = ' ', PATTERN_N = 95 };

static int pattern_map(struct span *file_r)
{
	uint8_t *bytes = mmap(NULL, PATTERN_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	for (unsigned k = 0; k < PATTERN_BYTES; k++)
		bytes[k] = (uint8_t)(PATTERN_FIRST + k % PATTERN_N);
	*file_r = (struct span){bytes, PATTERN_BYTES};
	return 0;
}

int file_map(const char *path, struct span *file_r)
{
	struct stat stat;
	void *bytes = MAP_FAILED;
	int status = 0, fd;

	if (path == NULL)
		return pattern_map(file_r);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) != 0)
		status = -errno;
	else if (stat.st_size == 0)
		status = -ENODATA;
	else
		bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
			     0);
	if (status == 0 && bytes == MAP_FAILED)
		status = -errno;
	close(fd);
	if (status == 0)
		*file_r = (struct span){bytes, (size_t)stat.st_size};
	return status;
}

void file_unmap(struct span *file)
{
	if (file->len > 0)
		munmap((void *)(uintptr_t)file->ptr, file->len);
	*file = (struct span){NULL, 0};
}
