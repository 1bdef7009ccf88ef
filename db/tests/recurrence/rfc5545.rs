//! The examples of RFC 5545 section 3.8.5.3 that this subset can say, with their dates.

use crate::dates_with;
use roomm8_db::task::recurrence::Overflow::Skip;

/// Start, rule, and the dates the RFC gives for it: all of them where it ends, else the first.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("1997-09-02", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"),
    ("1997-09-02", "FREQ=DAILY;INTERVAL=2", "0902 0904 0906 0908 0910 0912 0914 0916 0918 0920"),
    ("1997-09-02", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"),
    ("1997-09-02", "FREQ=WEEKLY;COUNT=10", "0902 0909 0916 0923 0930 1007 1014 1021 1028 1104"),
    (
        "1997-09-02",
        "FREQ=WEEKLY;UNTIL=19971224",
        "0902 0909 0916 0923 0930 1007 1014 1021 1028 1104 1111 1118 1125 1202 1209 1216 1223",
    ),
    ("1997-09-02", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "0902 0916 0930 1014 1028 1111 1125 1209 1223"),
    (
        "1997-09-02",
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002",
    ),
    (
        "1997-09-01",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971223;WKST=SU;BYDAY=MO,WE,FR",
        "0901 0903 0905 0915 0917 0919 0929 1001 1003 1013 1015 1017 1027 1029 1031 1110 1112 1114 1124 1126 1128 \
         1208 1210 1212 1222",
    ),
    (
        "1997-09-02",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "0902 0904 0916 0918 0930 1002 1014 1016",
    ),
    (
        "1997-09-05",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "0905 1003 1107 1205 19980102 0206 0306 0403 0501 0605",
    ),
    ("1997-09-05", "FREQ=MONTHLY;UNTIL=19971224;BYDAY=1FR", "0905 1003 1107 1205"),
    (
        "1997-09-07",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "0907 0928 1102 1130 19980104 0125 0301 0329 0503 0531",
    ),
    ("1997-09-22", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "0922 1020 1117 1222 19980119 0216"),
    ("1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3", "0928 1029 1128 1229 19980129 0226"),
    (
        "1997-09-02",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "0902 0915 1002 1015 1102 1115 1202 1215 19980102 0115",
    ),
    (
        "1997-09-30",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "0930 1001 1031 1101 1130 1201 1231 19980101 0131 0201",
    ),
    (
        "1997-09-10",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "0910 0911 0912 0913 0914 0915 19990310 0311 0312 0313",
    ),
    (
        "1997-09-02",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "0902 0909 0916 0923 0930 1104 1111 1118 1125 19980106",
    ),
    (
        "1997-06-10",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "0610 0710 19980610 0710 19990610 0710 20000610 0710 20010610 0710",
    ),
    (
        "1997-03-10",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "0310 19990110 0210 0310 20010110 0210 0310 20030110 0210 0310",
    ),
    ("1997-05-19", "FREQ=YEARLY;BYDAY=20MO", "0519 19980518 19990517"),
    ("1997-03-13", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "0313 0320 0327 19980305 0312 0319 0326"),
    ("1997-06-05", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "0605 0612 0619 0626 0703 0710 0717 0724 0731 0807"),
    ("1997-09-03", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "19980213 0313 1113 19990813 20001013"),
    (
        "1997-09-13",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "0913 1011 1108 1213 19980110 0207 0307 0411 0509 0613",
    ),
    (
        "1996-11-05",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1105 20001107 20041102",
    ),
    ("1997-09-04", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"),
    ("1997-09-29", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "0929 1030 1127 1230 19980129 0226 0330"),
    ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "0805 0810 0819 0824"),
    ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "0805 0817 0819 0831"),
    // "An invalid date (i.e., February 30) is ignored."
    ("2007-01-15", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "0115 0130 0215 0315 0330"),
];

/// `0902` is in the year of the date before it.
fn dates_of(start: &str, days: &str) -> Vec<String> {
    let mut year = &start[..4];
    let date = |day| {
        let monthday: &str = if str::len(day) == 8 {
            year = &day[..4];
            &day[4..]
        } else {
            day
        };
        format!("{year}-{}-{}", &monthday[..2], &monthday[2..])
    };
    days.split_whitespace().map(date).collect()
}

#[test]
fn the_examples_of_the_rfc_have_its_dates() {
    for (start, rule, days) in EXAMPLES {
        let expected = dates_of(start, days);
        // Of a rule that ends, one more would be too many.
        let count = expected.len() + usize::from(rule.contains("COUNT") || rule.contains("UNTIL"));
        assert_eq!(dates_with(Skip, start, rule, count), expected, "{start} {rule}");
    }
}

#[test]
fn every_day_in_january_can_be_said_in_two_ways() {
    let yearly = "FREQ=YEARLY;UNTIL=20000131;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA";
    let daily = "FREQ=DAILY;UNTIL=20000131;BYMONTH=1";
    assert_eq!(dates_with(Skip, "1998-01-01", yearly, 50), dates_with(Skip, "1998-01-01", daily, 50));
}
