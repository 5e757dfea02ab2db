package demo

import "strings"

// A city is a place that the demo's APIs know.
type city struct {
	Name    string  `json:"name"`
	Country string  `json:"country"` // ISO 3166
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
}

var cities = []city{
	{"Accra", "GH", 5.6, -0.2}, {"Amsterdam", "NL", 52.4, 4.9}, {"Athens", "GR", 38.0, 23.7}, {"Auckland", "NZ", -36.8, 174.8},
	{"Bangkok", "TH", 13.8, 100.5}, {"Berlin", "DE", 52.5, 13.4}, {"Bogotá", "CO", 4.7, -74.1}, {"Bratislava", "SK", 48.1, 17.1},
	{"Buenos Aires", "AR", -34.6, -58.4}, {"Cairo", "EG", 30.0, 31.2}, {"Cape Town", "ZA", -33.9, 18.4}, {"Chicago", "US", 41.9, -87.6},
	{"Colombo", "LK", 6.9, 79.9}, {"Copenhagen", "DK", 55.7, 12.6}, {"Dakar", "SN", 14.7, -17.5}, {"Delhi", "IN", 28.6, 77.2},
	{"Dublin", "IE", 53.3, -6.3}, {"Edinburgh", "GB", 56.0, -3.2}, {"Hanoi", "VN", 21.0, 105.8}, {"Helsinki", "FI", 60.2, 24.9},
	{"Istanbul", "TR", 41.0, 29.0}, {"Jakarta", "ID", -6.2, 106.8}, {"Kyiv", "UA", 50.5, 30.5}, {"Lagos", "NG", 6.5, 3.4},
	{"Lima", "PE", -12.0, -77.0}, {"Lisbon", "PT", 38.7, -9.1}, {"London", "GB", 51.5, -0.1}, {"Madrid", "ES", 40.4, -3.7},
	{"Melbourne", "AU", -37.8, 145.0}, {"Mexico City", "MX", 19.4, -99.1}, {"Montréal", "CA", 45.5, -73.6}, {"Mumbai", "IN", 19.1, 72.9},
	{"Nairobi", "KE", -1.3, 36.8}, {"New York", "US", 40.7, -74.0}, {"Oslo", "NO", 59.9, 10.8}, {"Paris", "FR", 48.9, 2.4},
	{"Prague", "CZ", 50.1, 14.4}, {"Quito", "EC", -0.2, -78.5}, {"Reykjavík", "IS", 64.1, -21.9}, {"Rome", "IT", 41.9, 12.5},
	{"San Francisco", "US", 37.8, -122.4}, {"Santiago", "CL", -33.4, -70.7}, {"Seoul", "KR", 37.6, 127.0}, {"Singapore", "SG", 1.3, 103.8},
	{"Stockholm", "SE", 59.3, 18.1}, {"Sydney", "AU", -33.9, 151.2}, {"Tokyo", "JP", 35.7, 139.7}, {"Vienna", "AT", 48.2, 16.4},
	{"Warsaw", "PL", 52.2, 21.0}, {"Wellington", "NZ", -41.3, 174.8},
}

// cityNamed finds a city however its name is written.
func cityNamed(name string) (city, bool) {
	for _, c := range cities {
		if strings.EqualFold(c.Name, strings.TrimSpace(name)) {
			return c, true
		}
	}
	return city{}, false
}

func cityNames() []string {
	names := make([]string, len(cities))
	for i, c := range cities {
		names[i] = c.Name
	}
	return names
}
