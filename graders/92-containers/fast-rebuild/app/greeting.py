GREETING = "Quotes of the day"
