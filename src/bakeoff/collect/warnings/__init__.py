"""What makes a number doubtful.

Records hold facts only. When results are collected, the rules (`rules`) compare those facts with the thresholds
(`thresholds`) and give codes, and each code has a text for the reader (`codes`). So a changed threshold shows the next
time results are collected, and nothing is measured again. What makes outputs doubtful has its limits in
`bakeoff.accuracy.doubts`, with all else that judges outputs.
"""
