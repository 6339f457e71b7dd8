#ifndef POSTERN_NEW_FILE_H
#define POSTERN_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A file that is written aside and then put in place as a whole, by rename(2): whoever reads sees
 * the old one or the new one. Where the path is a symbolic link, the file that it leads to is
 * replaced.
 *
 * Where a call fails, *error_r is one line for the caller to free().
 */

struct new_file {
	char *path;	 /* of the file itself, not of a link to it */
	char *temporary; /* what is written; NULL once it is in place */
	int fd;
};

/* Begins a file that nobody but its owner, who is this process, can open. 0, or -1. */
int new_file_begin(struct new_file *file_r, const char *path, char **error_r);

/* Adds bytes. 0, or -1 with errno. */
int new_file_add(struct new_file *file, const void *bytes, size_t size);

/* It is complete: gives it its owner, group ((uid_t)-1, (gid_t)-1: as they are) and mode, and
   brings it to the disk. 0, or -1. */
int new_file_finish(struct new_file *file, uid_t owner, gid_t group, mode_t mode, char **error_r);

/* Puts it in the old one's place. 0, or -1. */
int new_file_place(struct new_file *file, char **error_r);

/* Frees it, and removes what has not been put in place. A zeroed one is none. */
void new_file_end(struct new_file *file);

/* "PATH: " and what errno says, for free(). */
char *new_file_error(const char *path);

#endif
