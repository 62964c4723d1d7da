package conf

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OutputLimit bounds what waits to be sent to a client: one that has more than Hard bytes
// waiting, or more than Soft for longer than For, is disconnected. 0 is no limit.
type OutputLimit struct {
	Hard, Soft int64
	For        time.Duration
}

// OutputLimits are those of the classes of clients.
type OutputLimits struct{ Normal, Replica, Pubsub OutputLimit }

// classes of clients, in the order in which their limits are printed.
var classes = []string{"normal", "replica", "pubsub"}

func (v *value) limits() OutputLimits {
	return OutputLimits{Normal: v.limit("normal"), Replica: v.limit("replica"), Pubsub: v.limit("pubsub")}
}

// limit returns the limit for one of classes.
func (v *value) limit(class string) OutputLimit {
	list := v.list
	i := slices.Index(list, class)
	var n [3]int64 // parseLimits left only numbers here
	for k := range n {
		n[k], _ = strconv.ParseInt(list[i+1+k], 10, 64)
	}
	return OutputLimit{Hard: n[0], Soft: n[1], For: time.Duration(n[2]) * time.Second}
}

// parseLimits changes the limits of the classes that args names.
func parseLimits(args []string, old value) (value, error) {
	if len(args) == 0 || len(args)%4 != 0 {
		return value{}, errLimits
	}
	list := slices.Clone(old.list)
	if len(list) == 0 {
		for _, c := range classes {
			list = append(list, c, "0", "0", "0")
		}
	}
	for group := range slices.Chunk(args, 4) {
		class := strings.ToLower(group[0])
		if class == "slave" {
			class = "replica"
		}
		if !slices.Contains(classes, class) {
			return value{}, errors.New("Invalid client class specified in buffer limit configuration.")
		}
		hard, err1 := parseBytes(group[1])
		soft, err2 := parseBytes(group[2])
		seconds, err3 := strconv.ParseInt(group[3], 10, 32)
		if err1 != nil || err2 != nil || err3 != nil || seconds < 0 {
			return value{}, errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		at := slices.Index(list, class)
		list[at+1], list[at+2], list[at+3] = strconv.FormatInt(hard, 10), strconv.FormatInt(soft,
			10), strconv.FormatInt(seconds, 10)
	}
	return words(list), nil
}
