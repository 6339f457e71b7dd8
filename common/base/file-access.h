#ifndef POSTERN_FILE_ACCESS_H
#define POSTERN_FILE_ACCESS_H

#include <stdbool.h>
#include <sys/stat.h>

/* Who may read a file, by its owner, group and mode. (Access control lists, which could give more,
   are not looked at.) */

/* True if the user of that name may read what has this status, as its owner, by one of its groups,
   or as anybody. False if there is no such user. */
bool file_access_reads(const struct stat *st, const char *user);

#endif
