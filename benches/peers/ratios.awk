# Reads "ROUND TABLE NAME NANOSECONDS"; prints for each table and name the median time, and the median over the rounds of its ratio to
# the row named "ours" of the same table and round: above 1, ours is faster.

function median(list,    parts, n, i, j, swap) {
    n = split(list, parts, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && parts[j - 1] + 0 > parts[j] + 0; j--) {
            swap = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = swap
        }
    return n % 2 ? parts[(n + 1) / 2] : (parts[n / 2] + parts[n / 2 + 1]) / 2
}

NF == 4 {
    row = $2 " " $3
    if (!($2 in names)) tables[++count] = $2
    if (!(row in times)) names[$2] = names[$2] " " $3
    times[row] = times[row] " " $4
    if ($3 == "ours") ours[$1, $2] = $4
    round[row] = round[row] " " $1
}

function line(table, name,    row, n, time, at, k, ratios) {
    row = table " " name
    n = split(times[row], time, " ")
    split(round[row], at, " ")
    for (k = 1; k <= n; k++)
        if (ours[at[k], table] > 0) ratios = ratios " " time[k] / ours[at[k], table]
    printf "%-16s %-28s %14.2f %12s\n", table, name, median(times[row]), ratios == "" ? "-" : sprintf("%.2f", median(ratios))
}

END {
    printf "%-16s %-28s %14s %12s\n", "table", "", "ns", "times ours"
    for (i = 1; i <= count; i++) {
        n = split(names[tables[i]], name, " ")
        for (k = 1; k <= n; k++) line(tables[i], name[k])
    }
}
